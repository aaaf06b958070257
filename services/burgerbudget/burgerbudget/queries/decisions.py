"""Waiting uses, and the decisions taken on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from burgerbudget.models import Decision
from burgerbudget.queries.participants import quarter_of
from burgerbudget.rules.notices import NOTIFIED
from burgerbudget.rules.settlement import WaitingUse
from foundation.clock import now
from foundation.database import packed, unpacked
from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision to be written down."""

    id: UUID
    kind: str
    participant_number: str
    quarter: Quarter
    amount: int
    hours: int
    wage: int | None
    budget_before: int
    source_kind: str | None
    source_id: UUID | None
    grant_key: str | None


def waiting_participants(db: Session, last_closed: Quarter | None, after: str, limit: int) -> list[str]:
    """Give participants with hours whose use may be due, in order of number.

    Hours of a file that is still being read stay out: all of a participant's hours in one file and quarter are one use.
    """
    rows = db.execute(
        text(
            """
            SELECT DISTINCT w.participant_number AS number
            FROM burgerbudget.waiting_use w JOIN burgerbudget.participant p ON p.number = w.participant_number
            WHERE w.participant_number > :after
              AND (w.quarter <= :open OR w.quarter = p.start_quarter OR EXISTS (
                    SELECT 1 FROM burgerbudget.participation_gap g
                    WHERE g.participant_number = p.number AND g.restarted_from = w.quarter))
              AND NOT EXISTS (
                    SELECT 1 FROM burgerbudget.hours_import i WHERE i.id = w.source_id AND i.state = 'processing')
            ORDER BY number LIMIT :limit
            """
        ),
        {"after": after, "open": "" if last_closed is None else str(last_closed.next()), "limit": limit},
    )
    return [row.number for row in rows]


def waiting_of(db: Session, numbers: Sequence[str]) -> dict[str, list[WaitingUse]]:
    """Give the waiting uses of these participants, without those of files still being read."""
    rows = db.execute(
        text(
            """
            SELECT w.participant_number, w.sequence, w.quarter, w.source_kind, w.source_id, w.hours
            FROM burgerbudget.waiting_use w
            WHERE w.participant_number = ANY(:numbers)
              AND NOT EXISTS (
                    SELECT 1 FROM burgerbudget.hours_import i WHERE i.id = w.source_id AND i.state = 'processing')
            ORDER BY w.sequence
            """
        ),
        {"numbers": list(numbers)},
    )
    found: dict[str, list[WaitingUse]] = defaultdict(list)
    for number, sequence, quarter, source_kind, source_id, hours in rows:
        found[number].append(WaitingUse(sequence, quarter_of(quarter), source_kind, source_id, hours))
    return found


_ADD_WAITING = f"""
    INSERT INTO burgerbudget.waiting_use AS w (participant_number, quarter, source_id, source_kind, hours)
    SELECT c.number, c.quarter, :source_id, :source_kind, c.hours
    FROM {unpacked(numbers="text", quarters="text", hours="integer")} WITH ORDINALITY AS c (number, quarter, hours, position)
    ORDER BY c.position
    ON CONFLICT (participant_number, quarter, source_id) DO UPDATE SET hours = w.hours + excluded.hours
"""


def add_waiting(
    db: Session,
    source_kind: str,
    source_id: UUID,
    numbers: Iterable[str],
    quarters: Iterable[str],
    hours: Iterable[int],
) -> None:
    """Add accepted hours to what waits, one row for each participant and quarter of this source."""
    db.execute(
        text(_ADD_WAITING),
        {
            "source_id": source_id,
            "source_kind": source_kind,
            "numbers": packed(numbers),
            "quarters": packed(quarters),
            "hours": packed(hours),
        },
    )


_CONSUME = f"""
    DELETE FROM burgerbudget.waiting_use w USING {unpacked(numbers="text", sequences="bigint")} AS c (number, sequence)
    WHERE w.participant_number = c.number AND w.sequence = c.sequence
"""


def consume(db: Session, rows: Sequence[tuple[str, int]]) -> None:
    """Take away the waiting uses that are decided, by participant and sequence."""
    db.execute(text(_CONSUME), {"numbers": packed(row[0] for row in rows), "sequences": packed(row[1] for row in rows)})


# One statement for both: no decision that is told can be written down without its notice.
_INSERT = f"""
    WITH decided AS (
        INSERT INTO burgerbudget.decision
            (id, kind, participant_number, quarter, amount, hours, wage, budget_before, source_kind, source_id,
             grant_key, decided_on, decided_at)
        SELECT c.*, :decided_on, :decided_at
        FROM {
    unpacked(
        ids="uuid",
        kinds="text",
        numbers="text",
        quarters="text",
        amounts="bigint",
        hours="integer",
        wages="bigint",
        budgets="bigint",
        source_kinds="text",
        source_ids="uuid",
        grant_keys="text",
    )
} AS c
        RETURNING participant_number, id, kind, decided_on)
    INSERT INTO burgerbudget.notice (participant_number, decision_id, made_on, object_until)
    SELECT participant_number, id, decided_on, :object_until FROM decided WHERE kind = ANY(:notified)
"""


def insert(db: Session, rows: Sequence[DecisionRow], decided_on: date, object_until: date) -> None:
    """Write decisions down, and a notice of each that is told to its participant (BB-4)."""
    if not rows:
        return
    db.execute(
        text(_INSERT),
        {
            "ids": packed(row.id for row in rows),
            "kinds": packed(row.kind for row in rows),
            "numbers": packed(row.participant_number for row in rows),
            "quarters": packed(row.quarter for row in rows),
            "amounts": packed(row.amount for row in rows),
            "hours": packed(row.hours for row in rows),
            "wages": packed(row.wage for row in rows),
            "budgets": packed(row.budget_before for row in rows),
            "source_kinds": packed(row.source_kind for row in rows),
            "source_ids": packed(row.source_id for row in rows),
            "grant_keys": packed(row.grant_key for row in rows),
            "decided_on": decided_on,
            "decided_at": now(),
            "object_until": object_until,
            "notified": list(NOTIFIED),
        },
    )


@dataclass(frozen=True, slots=True)
class TopUpToPost:
    """A top-up that was judged and is not yet on its way."""

    id: UUID
    participant_number: str
    holder_id: str
    amount: int
    last_message: UUID | None


def top_ups_to_post(db: Session, quarter: Quarter, limit: int) -> list[TopUpToPost]:
    """Give the next judged top-ups of a quarter, with their participants locked."""
    rows = db.execute(
        text(
            """
            SELECT d.id, d.participant_number, p.holder_id, d.amount, p.last_message
            FROM burgerbudget.decision d JOIN burgerbudget.participant p ON p.number = d.participant_number
            WHERE d.quarter = :quarter AND d.kind = 'top-up' AND d.message_id IS NULL AND d.amount > 0
            ORDER BY d.participant_number LIMIT :limit FOR UPDATE OF p
            """
        ),
        {"quarter": str(quarter), "limit": limit},
    )
    return [TopUpToPost(*row) for row in rows]


def mark_on_their_way(db: Session, top_ups: Sequence[TopUpToPost], message_id: UUID) -> None:
    """Write down which message carries these top-ups, so that the participants' next one waits for it."""
    db.execute(
        text("UPDATE burgerbudget.decision SET message_id = :message WHERE id = ANY(:ids)"),
        {"message": message_id, "ids": [row.id for row in top_ups]},
    )
    db.execute(
        text("UPDATE burgerbudget.participant SET last_message = :message WHERE number = ANY(:numbers)"),
        {"message": message_id, "numbers": [row.participant_number for row in top_ups]},
    )


def find(db: Session, decision_id: UUID) -> Decision | None:
    return db.get(Decision, decision_id)


def of_participant(db: Session, number: str, before: UUID | None, limit: int) -> list[Decision]:
    """Give a participant's decisions, newest first."""
    rows = db.execute(
        text(
            "SELECT * FROM burgerbudget.decision WHERE participant_number = :number"
            " AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
        ),
        {"number": number, "before": before, "limit": limit},
    )
    return [Decision(**row._mapping) for row in rows]
