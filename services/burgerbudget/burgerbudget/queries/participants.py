"""Reading and writing participants, their quarters and their gaps, in sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from burgerbudget.models import Participant, ParticipantQuarter
from burgerbudget.rules import Participation, Stop
from burgerbudget.rules.settlement import ParticipantState, QuarterState
from foundation.database import packed, unpacked
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter

quarter_of = lru_cache(maxsize=256)(Quarter.parse)


@dataclass(slots=True)
class LockedParticipant:
    """A participant whose row this transaction holds, with a working copy of its state."""

    number: str
    holder_id: str
    last_message: UUID | None
    state: ParticipantState


_COLUMNS = "number, holder_id, start_quarter, status, insufficient_quarters, started, granted, used, last_message"


def lock_by_number(db: Session, numbers: Iterable[str]) -> list[LockedParticipant]:
    """Lock these participants, in order of number, so that two who lock many never wait for one another in a ring."""
    rows = db.execute(
        text(
            f"SELECT {_COLUMNS} FROM burgerbudget.participant WHERE number = ANY(:numbers) ORDER BY number FOR UPDATE"
        ),
        {"numbers": sorted(set(numbers))},
    ).all()
    return _with_state(db, rows)


def lock_next_to_judge(db: Session, quarter: Quarter, after: str, limit: int) -> list[LockedParticipant]:
    """Lock the next participants whose start quarter has come by this quarter."""
    rows = db.execute(
        text(
            f"SELECT {_COLUMNS} FROM burgerbudget.participant WHERE number > :after AND start_quarter <= :quarter"
            " ORDER BY number LIMIT :limit FOR UPDATE"
        ),
        {"after": after, "quarter": str(quarter), "limit": limit},
    ).all()
    return _with_state(db, rows)


def _with_state(db: Session, rows: Sequence[Any]) -> list[LockedParticipant]:
    numbers = [row.number for row in rows]
    stops = stops_of(db, numbers)
    quarters = quarters_of(db, numbers)
    return [
        LockedParticipant(
            row.number,
            row.holder_id,
            row.last_message,
            ParticipantState(
                Participation(row.number, quarter_of(row.start_quarter), stops.get(row.number, ())),
                row.started,
                Cents(row.granted),
                Cents(row.used),
                row.insufficient_quarters,
                quarters.get(row.number, {}),
            ),
        )
        for row in rows
    ]


def stops_of(db: Session, numbers: Sequence[str]) -> dict[str, tuple[Stop, ...]]:
    """Give the stops of each participant that has any, in order of time."""
    rows = db.execute(
        text(
            "SELECT participant_number, stopped_after, restarted_from FROM burgerbudget.participation_gap"
            " WHERE participant_number = ANY(:numbers) ORDER BY stopped_after"
        ),
        {"numbers": list(numbers)},
    )
    found: dict[str, tuple[Stop, ...]] = {}
    for row in rows:
        restart = None if row.restarted_from is None else quarter_of(row.restarted_from)
        found[row.participant_number] = (
            *found.get(row.participant_number, ()),
            Stop(quarter_of(row.stopped_after), restart),
        )
    return found


def quarters_of(db: Session, numbers: Sequence[str]) -> dict[str, dict[Quarter, QuarterState]]:
    """Give every quarter of each participant."""
    rows = db.execute(
        text(
            "SELECT participant_number, quarter, hours, mark, used, topped_up, judgement FROM burgerbudget.participant_quarter"
            " WHERE participant_number = ANY(:numbers)"
        ),
        {"numbers": list(numbers)},
    )
    found: dict[str, dict[Quarter, QuarterState]] = defaultdict(dict)
    for number, quarter, hours, mark, used, topped_up, judgement in rows:
        found[number][quarter_of(quarter)] = QuarterState(
            Hours(hours), Hours(mark), Cents(used), Cents(topped_up), judgement
        )
    return found


_SAVE = f"""
    UPDATE burgerbudget.participant p
    SET started = c.started, granted = c.granted, used = c.used, insufficient_quarters = c.insufficient,
        status = c.status, last_message = c.message
    FROM {
    unpacked(
        numbers="text",
        started="boolean",
        granted="bigint",
        used="bigint",
        insufficient="smallint",
        status="text",
        messages="uuid",
    )
} AS c (number, started, granted, used, insufficient, status, message)
    WHERE p.number = c.number
"""
_SAVE_QUARTERS = f"""
    INSERT INTO burgerbudget.participant_quarter AS q
        (participant_number, quarter, hours, mark, used, topped_up, judgement)
    SELECT * FROM {
    unpacked(
        numbers="text",
        quarters="text",
        hours="integer",
        marks="integer",
        used="bigint",
        topped_up="bigint",
        judgements="text",
    )
}
    ON CONFLICT (participant_number, quarter) DO UPDATE
    SET mark = excluded.mark, used = excluded.used, topped_up = excluded.topped_up, judgement = excluded.judgement
"""


def save(
    db: Session, participants: Sequence[LockedParticipant], touched: Sequence[tuple[str, Quarter, QuarterState]]
) -> None:
    """Write back the working copies and the quarters that changed."""
    states = [p.state for p in participants]
    db.execute(
        text(_SAVE),
        {
            "numbers": packed(p.number for p in participants),
            "started": packed(s.started for s in states),
            "granted": packed(s.granted for s in states),
            "used": packed(s.used for s in states),
            "insufficient": packed(s.insufficient_quarters for s in states),
            "status": packed("stopped" if s.participation.stopped else "active" for s in states),
            "messages": packed(p.last_message for p in participants),
        },
    )
    if touched:
        db.execute(
            text(_SAVE_QUARTERS),
            {
                "numbers": packed(number for number, _, _ in touched),
                "quarters": packed(quarter for _, quarter, _ in touched),
                "hours": packed(s.hours for _, _, s in touched),
                "marks": packed(s.mark for _, _, s in touched),
                "used": packed(s.used for _, _, s in touched),
                "topped_up": packed(s.topped_up for _, _, s in touched),
                "judgements": packed(s.judgement for _, _, s in touched),
            },
        )


_RECORD_STOPS = f"""
    INSERT INTO burgerbudget.participation_gap (participant_number, stopped_after)
    SELECT * FROM {unpacked(numbers="text", quarters="text")}
"""


def record_stops(db: Session, stops: Sequence[tuple[str, Quarter]]) -> None:
    """Write down who stopped, at the close of which quarter (BB-6)."""
    if stops:
        db.execute(
            text(_RECORD_STOPS),
            {"numbers": packed(number for number, _ in stops), "quarters": packed(quarter for _, quarter in stops)},
        )


def undo_stops(db: Session, numbers: Sequence[str]) -> None:
    """Take away the open stop of each of these participants, because late hours took its ground away (BB-9)."""
    if numbers:
        db.execute(
            text(
                "DELETE FROM burgerbudget.participation_gap"
                " WHERE participant_number = ANY(:numbers) AND restarted_from IS NULL"
            ),
            {"numbers": list(numbers)},
        )


def record_restart(db: Session, number: str, stopped_after: Quarter, restarted_from: Quarter, actor: str) -> None:
    db.execute(
        text(
            "UPDATE burgerbudget.participation_gap SET restarted_from = :restarted_from, recorded_by = :actor"
            " WHERE participant_number = :number AND stopped_after = :stopped_after AND restarted_from IS NULL"
        ),
        {"number": number, "stopped_after": str(stopped_after), "restarted_from": str(restarted_from), "actor": actor},
    )


def find(db: Session, number: str) -> Participant | None:
    return db.get(Participant, number)


def number_of_holder(db: Session, holder_id: str) -> str | None:
    row = db.execute(
        text("SELECT number FROM burgerbudget.participant WHERE holder_id = :holder"), {"holder": holder_id}
    )
    return row.scalar_one_or_none()


def quarter_rows(db: Session, number: str) -> list[ParticipantQuarter]:
    """Give a participant's quarters, oldest first."""
    rows = db.execute(
        text(
            "SELECT participant_number, quarter, hours, mark, used, topped_up, judgement FROM burgerbudget.participant_quarter"
            " WHERE participant_number = :number ORDER BY quarter"
        ),
        {"number": number},
    )
    return [ParticipantQuarter(**row._mapping) for row in rows]


def participations_shared(db: Session, numbers: Sequence[str]) -> dict[str, Participation]:
    """Give these participants' time in the scheme, and keep it from changing until this transaction ends."""
    rows = db.execute(
        text(
            "SELECT number, start_quarter FROM burgerbudget.participant WHERE number = ANY(:numbers) ORDER BY number FOR SHARE"
        ),
        {"numbers": list(numbers)},
    ).all()
    stops = stops_of(db, numbers)
    return {
        row.number: Participation(row.number, quarter_of(row.start_quarter), stops.get(row.number, ())) for row in rows
    }


def not_started_by(db: Session, today: date, after: str, limit: int) -> list[str]:
    """Give participants whose start quarter has begun and whose start amount was not decided yet."""
    rows = db.execute(
        text(
            "SELECT number FROM burgerbudget.participant WHERE NOT started AND start_quarter <= :quarter AND number > :after"
            " ORDER BY number LIMIT :limit"
        ),
        {"quarter": str(Quarter.of(today)), "after": after, "limit": limit},
    )
    return [row.number for row in rows]


def next_free_number(db: Session) -> str:
    """Make a number that nobody has: one above the highest that is all digits, at least 1000001.

    Whoever else needs one waits until this transaction ends.
    """
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('burgerbudget.participant.number', 0))"))
    row = db.execute(
        text(
            "SELECT coalesce(max(number::bigint), 1000000) + 1 AS number FROM burgerbudget.participant"
            " WHERE number ~ '^[0-9]{1,15}$'"
        )
    ).one()
    return str(max(row.number, 1000001))


def earliest_start(db: Session) -> Quarter | None:
    """Give the first quarter that anybody takes part in."""
    value = db.execute(text("SELECT min(start_quarter) FROM burgerbudget.participant")).scalar_one_or_none()
    return None if value is None else quarter_of(value)
