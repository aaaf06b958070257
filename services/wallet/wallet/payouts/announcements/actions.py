"""Telling a scheme something, in the transaction in which it became so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal
from uuid import UUID

from sqlmodel import Session

from foundation.clock import now
from foundation.identifiers import new_id
from wallet.payouts.announcements import queries
from wallet.payouts.announcements.models import Announcement

PAYMENT: Final = "payment"
RECEIPT: Final = "receipt"


def announce(db: Session, scheme: str, kind: Literal["payment", "receipt"], content: dict[str, Any]) -> None:
    """Let a scheme know; told when this transaction commits and never otherwise. Content is JSON with ids and codes."""
    db.add(Announcement(id=new_id(), scheme=scheme, kind=kind, content=content, announced_at=now()))


def take(db: Session, scheme: str, ids: Sequence[UUID]) -> int:
    """Mark what a scheme wrote down as taken; gives how many were not yet. What is another's stays as it is."""
    return queries.take(db, scheme, ids, now())
