"""Files of hours: how they are kept, and what a chunk of their rows comes to; the rest is `foundation.file_work`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from burgerbudget.actions.hours import organisation_of
from burgerbudget.hour_fields import parse_row
from burgerbudget.hours_files import COLUMNS
from burgerbudget.models import HoursImport, HoursImportRow
from burgerbudget.parameters import PARAMETERS
from burgerbudget.queries import decisions, hours, participants
from burgerbudget.rules import (
    Accepted,
    HourContent,
    HourContext,
    HourRow,
    Known,
    MalformedRow,
    Participation,
    Recognition,
    Refused,
    judge_hour,
)
from foundation import clock, file_work
from foundation.file_work import Arrived, ChunkResult, FileWork
from foundation.hours import Hours
from foundation.identifiers import new_id
from foundation.row_files import RawRow


def receive_file(db: Session, organisation_id: UUID | None, arrived: Arrived, actor: str) -> HoursImport:
    """Take a file in; it is worked through afterwards."""
    organisation, _ = organisation_of(db, organisation_id)
    return file_work.receive_file(
        db, FILES, arrived, source=f"organisation/{organisation}", actor=actor, organisation_id=organisation
    )


def take_in(db: Session, row: HoursImport, chunk: list[RawRow]) -> ChunkResult:
    """Judge a chunk of rows in their order and write down those that count (BB-2)."""
    _, recognition = organisation_of(db, row.organisation_id)
    parsed = [parse_row(raw) for raw in chunk]
    readable = [one for one in parsed if isinstance(one, HourRow)]
    numbers = sorted({one.participant_number for one in readable})
    known_participants = participants.participations_shared(db, numbers)
    external_ids = list({one.external_id for one in parsed if one.external_id})
    taken = {key: content for key, (_, content) in hours.taken(db, row.organisation_id, external_ids).items()}
    days = {(one.participant_number, one.worked_on) for one in readable}
    day_totals = hours.day_totals(db, days)
    chunk_judge = _ChunkJudge(recognition, known_participants, taken, day_totals, clock.business_date())
    result = ChunkResult()
    accepted = chunk_judge.judge(parsed, result)
    if accepted:
        _write_down(db, row, accepted)
    return result


@dataclass(slots=True)
class _ChunkJudge:
    """Judges rows one after the other, each seeing what the ones before it took."""

    recognition: Recognition
    participations: dict[str, Participation]
    taken: dict[str, HourContent]
    day_totals: dict[tuple[str, date], int]
    today: date

    def judge(self, rows: list[HourRow | MalformedRow], result: ChunkResult) -> list[hours.NewHour]:
        accepted: list[hours.NewHour] = []
        limit = PARAMETERS.day_limit.on(self.today)
        for row in rows:
            is_readable = isinstance(row, HourRow)
            number = row.participant_number if is_readable else ""  # type: ignore[union-attr]
            day = (number, row.worked_on) if is_readable else None  # type: ignore[union-attr]
            context = HourContext(
                self.recognition,
                self.participations.get(number),
                self.taken.get(row.external_id) if row.external_id else None,
                Hours(self.day_totals.get(day, 0) if day else 0),
                self.today,
                limit,
            )
            verdict = judge_hour(row, context)
            if isinstance(verdict, Accepted):
                assert isinstance(row, HourRow) and day is not None
                # Hours whose wage nobody knows yet cannot be used: refused here rather than guessed later.
                PARAMETERS.wage.on(row.worked_on)
                self.taken[row.external_id] = HourContent(number, row.worked_on, verdict.hours, row.activity)
                self.day_totals[day] = context.day_total + verdict.hours
                accepted.append(
                    hours.NewHour(
                        new_id(),
                        row.external_id,
                        number,
                        row.worked_on,
                        str(verdict.quarter),
                        verdict.hours,
                        row.activity,
                    )
                )
            elif isinstance(verdict, Known):
                result.outcomes.append((row.row, "known", None, None))
            else:
                assert isinstance(verdict, Refused)
                result.outcomes.append((row.row, "refused", verdict.code.value, verdict.message))
        result.accepted = len(accepted)
        return accepted


def _write_down(db: Session, row: HoursImport, accepted: list[hours.NewHour]) -> None:
    days: dict[tuple[str, date], int] = defaultdict(int)
    quarters: dict[tuple[str, str], int] = defaultdict(int)
    for one in accepted:
        days[one.participant_number, one.worked_on] += one.hours
        quarters[one.participant_number, one.quarter] += one.hours
    hours.insert(db, row.organisation_id, accepted, row.id, row.received_by)
    hours.add_to_days(db, days)
    hours.add_to_quarters(db, quarters)
    decisions.add_waiting(
        db, "import", row.id, (key[0] for key in quarters), (key[1] for key in quarters), quarters.values()
    )


FILES = FileWork(
    file=HoursImport,
    row=HoursImportRow,
    columns=lambda _: COLUMNS,
    take_in=take_in,
    may_take=hours.MAY_TAKE_FILE,
)
"""What the burgerbudget does with files of hours."""
