"""Working through a file of hours: in chunks, going on where it was, and all or nothing where that was asked.

With `partial` each chunk is a transaction of its own, and the file remembers how far it came. Without it all chunks
are one transaction, rolled back at the first sign that a row is refused; a dry run is the same, always rolled back. What
was found about rows that were not accepted is written down apart from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import TypeVar
from uuid import UUID

import stamina
import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from burgerbudget.actions.hours import organisation_of
from burgerbudget.hour_fields import RawRow, parse_row
from burgerbudget.hours_files import Encoding, FileFormat, read_rows
from burgerbudget.models import HoursImport
from burgerbudget.parameters import PARAMETERS
from burgerbudget.queries import calendar, closings, decisions, hours, participants
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
from foundation import clock, inbox
from foundation.clock import now
from foundation.database import Database, is_lock_timeout, is_retried
from foundation.hours import Hours
from foundation.identifiers import new_id
from foundation.refusals import Refusal

CHUNK_ROWS = 5_000
MAX_ATTEMPTS = 12

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What the door found about a file while it came in."""

    format: FileFormat
    encoding: Encoding

    @property
    def media_type(self) -> str:
        """How format and encoding are kept with the file."""
        return f"{self.format.kind}|{self.format.delimiter}|{self.encoding}"

    @classmethod
    def of(cls, media_type: str) -> ReceivedFile:
        kind, delimiter, encoding = media_type.split("|")
        return cls(FileFormat(kind, delimiter), encoding)  # type: ignore[arg-type]


def receive_file(
    db: Session,
    organisation_id: UUID | None,
    upload: inbox.Upload,
    file: ReceivedFile,
    *,
    dry_run: bool,
    partial: bool,
    actor: str,
) -> HoursImport:
    """Take a file in; it is worked through afterwards."""
    organisation, _ = organisation_of(db, organisation_id)
    row = HoursImport(
        id=new_id(),
        organisation_id=organisation,
        inbox_id=inbox.store(db, upload, f"organisation/{organisation}", file.media_type),
        media_type=file.media_type,
        dry_run=dry_run,
        partial=partial,
        state="processing",
        rows_done=0,
        attempts=0,
        accepted=0,
        known=0,
        refused=0,
        received_by=actor,
        received_at=now(),
    )
    hours.new_import(db, row)
    return row


def work_through_next_file(database: Database, keep_going: Callable[[], bool]) -> bool:
    """Take one file that waits and work through it. Returns whether there was one.

    `keep_going` is asked after each chunk; a partial file may be left half way, to be gone on with later.
    """
    with database.transaction() as db:
        row = hours.lease_import(db, _closing_judges(db))
    if row is None:
        return False
    if row.attempts > MAX_ATTEMPTS:
        # It kills or outlasts its worker, or meets a fault of ours: it must not hold up the files and closes behind it.
        _end_with_problem(
            database, row, f"Dit bestand kon na {MAX_ATTEMPTS} pogingen niet worden verwerkt. Meld het ons."
        )
        return True
    try:
        if row.partial and not row.dry_run:
            _work_in_chunks(database, row, keep_going)
        else:
            _judged_again(lambda: _work_as_a_whole(database, row))
    except Refusal as refusal:
        _end_with_problem(database, row, refusal.message)
    return True


def _closing_judges(db: Session) -> bool:
    closing = calendar.read(db).closing
    row = None if closing is None else closings.find(db, closing)
    return row is not None and row.phase == "judging"


@dataclass(slots=True)
class ChunkResult:
    """What one chunk of rows came to; `outcomes` are row, outcome, code and message of those not accepted."""

    rows: int = 0
    accepted: int = 0
    known: int = 0
    outcomes: list[tuple[int, str, str | None, str | None]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return len(self.outcomes) - self.known


def _work_in_chunks(database: Database, row: HoursImport, keep_going: Callable[[], bool]) -> None:
    with database.reading() as reader:
        rows = islice(_rows(reader, row), row.rows_done, None)
        while chunk := list(islice(rows, CHUNK_ROWS)):
            result = _committed_chunk(database, row, chunk)
            if result is None:
                return
            row.rows_done += result.rows
            if not keep_going():
                with database.transaction() as db:
                    hours.update_import(db, row.id, row.lease_token, lease_until=now())
                return

    def finish(db: Session) -> None:
        hours.update_import(
            db, row.id, row.lease_token, state="imported", finished_at=now(), lease_token=None, lease_until=None
        )

    database.run(finish)


def _committed_chunk(database: Database, row: HoursImport, chunk: list[RawRow]) -> ChunkResult | None:
    """Take in one chunk; None when another worker has the file by now, and nothing was written."""

    def act(db: Session) -> ChunkResult | None:
        if not hours.keep_lease(db, row.id, row.lease_token):
            return None
        found = hours.find_import(db, row.id)
        assert found is not None
        result = take_in(db, row, chunk)
        hours.insert_outcomes(db, row.id, result.outcomes)
        hours.update_import(
            db,
            row.id,
            row.lease_token,
            rows_done=found.rows_done + result.rows,
            attempts=0,
            accepted=found.accepted + result.accepted,
            known=found.known + result.known,
            refused=found.refused + result.refused,
        )
        return result

    return _judged_again(lambda: database.run(act))


def _judged_again(act: Callable[[], T]) -> T:
    """Do it again, a few times, when somebody else came in between.

    Another organisation filled the same day, or the same row came by another way, since the rows were judged: judged
    again, they see that.
    """
    for attempt in stamina.retry_context(
        on=_overtaken, attempts=6, timeout=None, wait_initial=0.05, wait_max=1.0, wait_jitter=0.2
    ):
        with attempt:
            return act()
    raise AssertionError("the retries either return or raise")


def _overtaken(error: Exception) -> bool:
    return isinstance(error, IntegrityError) or is_retried(error) or is_lock_timeout(error)


class _RolledBack(Exception):
    """Ends the one transaction of a file of which nothing may stay."""


def _work_as_a_whole(database: Database, row: HoursImport) -> None:
    totals = ChunkResult()
    refused = 0
    with database.transaction() as db:
        if not hours.keep_lease(db, row.id, row.lease_token):
            return
        hours.delete_outcomes(db, row.id)
    try:
        with database.reading() as reader, database.transaction() as db:
            rows = _rows(reader, row)
            while chunk := list(islice(rows, CHUNK_ROWS)):
                result = take_in(db, row, chunk)
                totals.accepted += result.accepted
                totals.known += result.known
                refused += result.refused
                with database.transaction() as other:
                    hours.insert_outcomes(other, row.id, result.outcomes)
                    if not hours.keep_lease(other, row.id, row.lease_token):
                        raise _RolledBack
            if row.dry_run or refused:
                raise _RolledBack
            _end(db, row, "imported", totals.accepted, totals.known, 0)
    except _RolledBack:
        is_refused = refused > 0 and not row.partial
        state, accepted = ("refused", 0) if is_refused else ("imported", totals.accepted)
        database.run(lambda db: _end(db, row, state, accepted, totals.known, refused))


def _end(db: Session, row: HoursImport, state: str, accepted: int, known: int, refused: int) -> None:
    is_mine = hours.update_import(
        db,
        row.id,
        row.lease_token,
        state=state,
        accepted=accepted,
        known=known,
        refused=refused,
        finished_at=now(),
        lease_token=None,
        lease_until=None,
    )
    if is_mine and row.dry_run:
        inbox.drop(db, row.inbox_id)


def _end_with_problem(database: Database, row: HoursImport, problem: str) -> None:
    """The file itself turned out unreadable: the rest of it counts for nothing, and it says why."""

    def act(db: Session) -> None:
        hours.update_import(
            db,
            row.id,
            row.lease_token,
            state="refused",
            problem=problem,
            finished_at=now(),
            lease_token=None,
            lease_until=None,
        )

    log.warning("hours-file-unreadable", import_id=str(row.id))
    database.run(act)


def _rows(reader: Session, row: HoursImport) -> Iterator[RawRow]:
    file = ReceivedFile.of(row.media_type)
    return read_rows(inbox.pieces(reader, row.inbox_id), file.format, file.encoding)


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
    result = ChunkResult(rows=len(chunk))
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
                result.known += 1
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
