"""The closings of quarters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from burgerbudget.models import Closing
from foundation.clock import now
from foundation.periods import Quarter


def find(db: Session, quarter: Quarter, *, lock: bool = False) -> Closing | None:
    return db.get(Closing, str(quarter), with_for_update=lock or None, populate_existing=lock)


def begin(db: Session, quarter: Quarter, actor: str) -> None:
    db.execute(
        text(
            "INSERT INTO burgerbudget.closing (quarter, phase, cursor, participants, sufficient, insufficient, stopped,"
            " topped_up, requested_by, requested_at) VALUES (:quarter, 'judging', '', 0, 0, 0, 0, 0, :actor, :now)"
        ),
        {"quarter": str(quarter), "actor": actor, "now": now()},
    )


def update(db: Session, quarter: Quarter, **changes: Any) -> None:
    """Set columns of one closing."""
    assignments = ", ".join(f"{name} = :{name}" for name in changes)
    db.execute(
        text(f"UPDATE burgerbudget.closing SET {assignments} WHERE quarter = :quarter"),
        {"quarter": str(quarter), **changes},
    )


def count_judged(
    db: Session, quarter: Quarter, *, cursor: str, sufficient: int, insufficient: int, stopped: int, topped_up: int
) -> None:
    """Add the results of one chunk to the closing's totals, and remember how far it came."""
    db.execute(
        text(
            "UPDATE burgerbudget.closing SET cursor = :cursor, participants = participants + :sufficient + :insufficient,"
            " sufficient = sufficient + :sufficient, insufficient = insufficient + :insufficient,"
            " stopped = stopped + :stopped, topped_up = topped_up + :topped_up WHERE quarter = :quarter"
        ),
        {
            "quarter": str(quarter),
            "cursor": cursor,
            "sufficient": sufficient,
            "insufficient": insufficient,
            "stopped": stopped,
            "topped_up": topped_up,
        },
    )


def messages_undone(db: Session, subject: str) -> int:
    """Count the messages of one closing that the wallet has not acknowledged."""
    return int(
        db.execute(
            text("SELECT count(*) FROM outbox WHERE subject = :subject AND state IN ('pending', 'leased', 'dead')"),
            {"subject": subject},
        ).scalar_one()
    )


def message_of(db: Session, dedupe_key: str) -> Any:
    """Give id and state of the message with this key, or None."""
    return db.execute(text("SELECT id, state FROM outbox WHERE dedupe_key = :key"), {"key": dedupe_key}).first()
