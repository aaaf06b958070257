"""Telling borrowers what happened, and reading it."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.clock import business_date, now
from sociaal_krediet.models import Loan, Notice
from sociaal_krediet.queries import notices
from sociaal_krediet.refusals import UnknownNotice


def tell(
    db: Session,
    holder_id: str,
    kind: str,
    about: str,
    *,
    application_id: UUID | None = None,
    loan: Loan | None = None,
) -> None:
    """Tell somebody something, once for each thing that it is about."""
    if loan is not None:
        application_id = loan.application_id
    notices.insert(db, holder_id, kind, about, business_date(), application_id, loan.id if loan else None)


def read(db: Session, notice_id: UUID | None, holder_id: str | None) -> tuple[Notice, bool]:
    """Mark one's own notice as read. Returns it, and whether this was the first time."""
    notice = notices.find(db, notice_id)
    # Somebody else's is as unknown as one that is not there.
    if notice is None or notice.holder_id != holder_id:
        raise UnknownNotice
    is_first = notice.read_at is None
    if is_first:
        notice.read_at = now()
        db.flush()
    return notice, is_first
