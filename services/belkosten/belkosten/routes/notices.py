"""What a participant is told, and that it was read."""

from __future__ import annotations

from sqlmodel import Session

from belkosten.actions.crediting import ceiling_on
from belkosten.models import Notice
from belkosten.parameters import PARAMETERS
from belkosten.queries import grounds, participants
from belkosten.rules.reasons import Told, words_of
from belkosten.schemas.participants import NoticeOut
from foundation.notices.routes import notice_routes
from foundation.objections import Objection


def notice_out(db: Session, notice: Notice, address: str) -> NoticeOut:
    """Put a notice into words."""
    about = participants.participation(db, notice.participation_id)
    ground = grounds.find(db, about.ground)
    assert ground is not None, "a participation refers to its ground"
    told = Told(
        product=about.product,  # type: ignore[arg-type]  # a constraint of the database
        ground=ground.name,
        starts_on=about.starts_on,
        ends_on=about.ends_on,
        state=about.state,  # type: ignore[arg-type]
        reason=about.reason,
        ceiling=ceiling_on(about.product, about.starts_on),
        tariff=PARAMETERS.tariff.on(about.starts_on),
    )
    objection = None
    if notice.object_until is not None:
        number = f"BK-{about.participant_number}-{notice.made_on:%Y%m%d}"
        objection = Objection(number, notice.object_until, address)
    words = words_of(notice.kind, told, objection)  # type: ignore[arg-type]
    return NoticeOut(
        id=notice.id,
        kind=notice.kind,
        subject=words.subject,
        text=words.text,
        made_on=notice.made_on,
        object_until=notice.object_until,
        read_at=notice.read_at,
    )


router = notice_routes(Notice, NoticeOut, notice_out)
