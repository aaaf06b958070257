"""Reading and taking announcements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlmodel import Session, col, select

from wallet.payouts.announcements.models import Announcement


def waiting(db: Session, scheme: str, limit: int) -> Sequence[Announcement]:
    """Give what waits for a scheme, oldest first."""
    statement = (
        select(Announcement)
        .where(Announcement.scheme == scheme, col(Announcement.taken_at).is_(None))
        .order_by(col(Announcement.number))
        .limit(limit)
    )
    return db.exec(statement).all()


def take(db: Session, scheme: str, ids: Sequence[UUID], at: datetime) -> int:
    """Mark those of these that wait for this scheme as taken; gives how many."""
    taken = db.execute(
        text(
            # Computers differ by a little: nothing is taken before it was announced.
            "UPDATE payouts.announcement SET taken_at = greatest(announced_at, :at)"
            " WHERE id = ANY (:ids) AND scheme = :scheme AND taken_at IS NULL"
        ),
        {"ids": list(ids), "scheme": scheme, "at": at},
    )
    return cast("CursorResult[Any]", taken).rowcount
