"""Hour rows, the days and quarters they fill, and the files they came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from burgerbudget.models import Hour, Organisation
from burgerbudget.rules import HourContent, Recognition
from foundation.clock import now
from foundation.database import cursor_of, packed, unpacked
from foundation.hours import Hours
from foundation.identifiers import new_id


@dataclass(frozen=True, slots=True)
class NewHour:
    """An accepted row, to be written down."""

    id: UUID
    external_id: str
    participant_number: str
    worked_on: date
    quarter: str
    hours: int
    activity: str


def recognition(db: Session, organisation_id: UUID) -> Recognition | None:
    row = db.get(Organisation, organisation_id)
    return None if row is None else Recognition(row.recognised_from, row.recognised_until, row.pays_allowance)


def taken(db: Session, organisation_id: UUID, external_ids: Sequence[str]) -> dict[str, tuple[UUID, HourContent]]:
    """Give the accepted rows of this organisation under these external ids."""
    rows = db.execute(
        text(
            "SELECT id, external_id, participant_number, worked_on, hours, activity FROM burgerbudget.hour"
            " WHERE organisation_id = :organisation AND external_id = ANY(:ids) AND corrects_id IS NULL"
        ),
        {"organisation": organisation_id, "ids": list(external_ids)},
    )
    return {row[1]: (row[0], HourContent(row[2], row[3], Hours(row[4]), row[5])) for row in rows}


_DAY_TOTALS = f"""
    SELECT d.participant_number, d.day, d.hours FROM burgerbudget.participant_day d
    JOIN {unpacked(numbers="text", days="date")} AS c (number, day) ON d.participant_number = c.number AND d.day = c.day
"""


def day_totals(db: Session, days: Iterable[tuple[str, date]]) -> dict[tuple[str, date], int]:
    """Give how many quarter-hours these participants' days hold."""
    wanted = list(days)
    rows = db.execute(
        text(_DAY_TOTALS), {"numbers": packed(day[0] for day in wanted), "days": packed(day[1] for day in wanted)}
    )
    return {(row[0], row[1]): row[2] for row in rows}


def insert(
    db: Session, organisation_id: UUID, rows: Sequence[NewHour], import_id: UUID | None, received_by: str
) -> None:
    """Write accepted rows down."""
    received_at = now()
    statement = (
        "COPY burgerbudget.hour (id, organisation_id, external_id, participant_number, worked_on, hours, activity,"
        " import_id, received_by, received_at) FROM STDIN (FORMAT BINARY)"
    )
    types = ["uuid", "uuid", "text", "text", "date", "int4", "text", "uuid", "text", "timestamptz"]
    with cursor_of(db) as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(
                (
                    row.id,
                    organisation_id,
                    row.external_id,
                    row.participant_number,
                    row.worked_on,
                    row.hours,
                    row.activity,
                    import_id,
                    received_by,
                    received_at,
                )
            )


_ADD_TO_DAYS = f"""
    INSERT INTO burgerbudget.participant_day AS d (participant_number, day, hours)
    SELECT * FROM {unpacked(numbers="text", days="date", hours="integer")}
    ON CONFLICT (participant_number, day) DO UPDATE SET hours = d.hours + excluded.hours
"""


def add_to_days(db: Session, totals: dict[tuple[str, date], int]) -> None:
    """Add hours to days, in one order everywhere; the table's CHECK refuses a 25th hour."""
    ordered = sorted(totals.items())
    db.execute(
        text(_ADD_TO_DAYS),
        {
            "numbers": packed(key[0] for key, _ in ordered),
            "days": packed(key[1] for key, _ in ordered),
            "hours": packed(hours for _, hours in ordered),
        },
    )


_ADD_TO_QUARTERS = f"""
    INSERT INTO burgerbudget.participant_quarter AS q
        (participant_number, quarter, hours, mark, used, topped_up, judgement)
    SELECT c.number, c.quarter, c.hours, 0, 0, 0, 'open'
    FROM {unpacked(numbers="text", quarters="text", hours="integer")} AS c (number, quarter, hours)
    ON CONFLICT (participant_number, quarter) DO UPDATE SET hours = q.hours + excluded.hours
"""


def add_to_quarters(db: Session, totals: dict[tuple[str, str], int]) -> None:
    """Add hours to participants' quarters, in one order everywhere."""
    ordered = sorted(totals.items())
    db.execute(
        text(_ADD_TO_QUARTERS),
        {
            "numbers": packed(key[0] for key, _ in ordered),
            "quarters": packed(key[1] for key, _ in ordered),
            "hours": packed(hours for _, hours in ordered),
        },
    )


def lower(db: Session, number: str, day: date, quarter: str, by: int) -> None:
    """Take hours off a day and its quarter, after a correction downwards.

    Apart from adding, because a CHECK looks at the row that an INSERT proposes before its ON CONFLICT.
    """
    db.execute(
        text(
            "UPDATE burgerbudget.participant_day SET hours = hours - :by"
            " WHERE participant_number = :number AND day = :day"
        ),
        {"number": number, "day": day, "by": by},
    )
    db.execute(
        text(
            "UPDATE burgerbudget.participant_quarter SET hours = hours - :by"
            " WHERE participant_number = :number AND quarter = :quarter"
        ),
        {"number": number, "quarter": quarter, "by": by},
    )


def find(db: Session, hour_id: UUID) -> Hour | None:
    return db.get(Hour, hour_id)


def correction_of(db: Session, hour_id: UUID) -> Hour | None:
    """Give the row that corrects this one, if any."""
    row = db.execute(text("SELECT * FROM burgerbudget.hour WHERE corrects_id = :id"), {"id": hour_id}).first()
    return None if row is None else Hour(**row._mapping)


def insert_correction(db: Session, old: Hour, hours: int, reason: str, received_by: str) -> Hour:
    row = Hour(
        id=new_id(),
        organisation_id=old.organisation_id,
        external_id=old.external_id,
        participant_number=old.participant_number,
        worked_on=old.worked_on,
        hours=hours,
        activity=old.activity,
        corrects_id=old.id,
        reason=reason,
        received_by=received_by,
        received_at=now(),
    )
    db.add(row)
    db.flush()
    return row


def of_participant(
    db: Session, number: str, organisation_id: UUID | None, before: UUID | None, limit: int
) -> list[Any]:
    """Give a participant's hour rows, newest first; for an organisation only its own."""
    return list(
        db.execute(
            text(
                "SELECT h.*, o.name AS organisation_name FROM burgerbudget.hour h"
                " JOIN burgerbudget.organisation o ON o.id = h.organisation_id"
                " WHERE h.participant_number = :number AND (CAST(:before AS uuid) IS NULL OR h.id < :before)"
                " AND (CAST(:organisation AS uuid) IS NULL OR h.organisation_id = :organisation)"
                " ORDER BY h.id DESC LIMIT :limit"
            ),
            {"number": number, "organisation": organisation_id, "before": before, "limit": limit},
        )
    )


MAY_TAKE_FILE = """NOT EXISTS (
    SELECT 1 FROM burgerbudget.calendar k JOIN burgerbudget.closing c ON c.quarter = k.closing
    WHERE c.phase = 'judging' AND f.received_at >= c.requested_at)"""
"""While a closing judges, only the files `f` that came before it."""


def imports_before(db: Session, instant: datetime) -> int:
    """Count the files received before an instant that are not yet worked through."""
    return int(
        db.execute(
            text(
                "SELECT count(*) FROM burgerbudget.hours_import WHERE state = 'processing' AND received_at < :instant"
            ),
            {"instant": instant},
        ).scalar_one()
    )
