"""The notices of decisions; `decisions.insert` writes them, in one statement with what they tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from burgerbudget.queries.participants import quarter_of
from burgerbudget.rules.settlement import Decision
from foundation.clock import now
from foundation.hours import Hours
from foundation.money import Cents


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice with the decision that it tells."""

    decision_id: UUID
    participant_number: str
    holder_id: str
    made_on: date
    object_until: date
    read_at: datetime | None
    decision: Decision


_SELECT = """
    SELECT n.decision_id, n.participant_number, p.holder_id, n.made_on, n.object_until, n.read_at,
           d.kind, d.quarter, d.amount, d.hours, d.wage, d.budget_before
    FROM burgerbudget.notice n
    JOIN burgerbudget.decision d ON d.id = n.decision_id
    JOIN burgerbudget.participant p ON p.number = n.participant_number
"""


def of_participant(db: Session, number: str, unread: bool, before: UUID | None, limit: int) -> list[NoticeRow]:
    """Give a participant's notices, newest first; with `unread` only those not read yet."""
    rows = db.execute(
        text(
            f"{_SELECT} WHERE n.participant_number = :number AND (n.read_at IS NULL OR NOT :unread)"
            " AND (CAST(:before AS uuid) IS NULL OR n.decision_id < :before) ORDER BY n.decision_id DESC LIMIT :limit"
        ),
        {"number": number, "unread": unread, "before": before, "limit": limit},
    )
    return [_row(row) for row in rows]


def find(db: Session, decision_id: UUID) -> NoticeRow | None:
    """Give the notice of a decision, if it has one."""
    row = db.execute(text(f"{_SELECT} WHERE d.id = :id"), {"id": decision_id}).first()
    return None if row is None else _row(row)


def mark_read(db: Session, notice: NoticeRow) -> bool:
    """Write down that a notice is read now; False when it was read before."""
    marked = db.execute(
        text(
            "UPDATE burgerbudget.notice SET read_at = :now"
            " WHERE participant_number = :number AND decision_id = :id AND read_at IS NULL RETURNING 1"
        ),
        {"now": now(), "number": notice.participant_number, "id": notice.decision_id},
    )
    return marked.first() is not None


def _row(row: Any) -> NoticeRow:
    decision = Decision(
        row.kind,
        quarter_of(row.quarter),
        Cents(row.amount),
        Hours(row.hours),
        None if row.wage is None else Cents(row.wage),
        Cents(row.budget_before),
    )
    return NoticeRow(
        row.decision_id, row.participant_number, row.holder_id, row.made_on, row.object_until, row.read_at, decision
    )
