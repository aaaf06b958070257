"""Reading notices."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from burgerbudget.queries import notices
from burgerbudget.queries.notices import NoticeRow
from burgerbudget.refusals import UnknownNotice


def read_notice(db: Session, notice_id: UUID | None, holder_id: str | None) -> tuple[NoticeRow, bool]:
    """Mark a notice of this holder as read. Returns it, and whether this was the first time."""
    notice = None if notice_id is None else notices.find(db, notice_id)
    # Somebody else's is as unknown as one that is not there.
    if notice is None or notice.holder_id != holder_id:
        raise UnknownNotice("Dit bericht is niet bekend.")
    is_first = notices.mark_read(db, notice)
    found = notices.find(db, notice.decision_id)
    assert found is not None
    return found, is_first
