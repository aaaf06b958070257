"""Working through a file of rows: in chunks, going on where it was, and all or nothing where that was asked.

With `partial` each chunk is a transaction of its own, and the file remembers how far it came. Without it all chunks
are one transaction, rolled back when a row was refused; a dry run is the same, always rolled back. What
was found about rows that were not accepted is written down apart from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

import stamina
import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from foundation import inbox
from foundation.clock import now
from foundation.database import Database, is_lock_timeout, is_retried
from foundation.file_work import queries
from foundation.file_work.description import Arrived, File, FileWork
from foundation.identifiers import new_id
from foundation.refusals import Refusal
from foundation.row_files import RawRow, ReceivedFile, read_rows

MAX_ATTEMPTS = 12

log = structlog.get_logger()

T = TypeVar("T")


def receive_file(db: Session, work: FileWork[File], arrived: Arrived, *, source: str, actor: str, **own: Any) -> File:
    """Keep a file that came in, to be worked through afterwards.

    `source` is kept with its bytes; `own` are the columns that only this service's table of files has.
    """
    media_type = arrived.file.media_type
    row = work.file(
        id=new_id(),
        inbox_id=inbox.store(db, arrived.upload, source, media_type),
        media_type=media_type,
        dry_run=arrived.dry_run,
        partial=arrived.partial,
        state="processing",
        rows_done=0,
        attempts=0,
        accepted=0,
        known=0,
        refused=0,
        received_by=actor,
        received_at=now(),
        **own,
    )
    db.add(row)
    db.flush()
    return row


def work_through_next_file(database: Database, work: FileWork[File], keep_going: Callable[[], bool]) -> bool:
    """Take the oldest file that waits and work through it. Returns whether there was one.

    `keep_going` is asked after each chunk; a partial file may be left half way, to be gone on with later.
    """
    with database.transaction() as db:
        file = queries.lease_next(db, work)
    if file is None:
        return False
    if file.attempts > MAX_ATTEMPTS:
        # It kills or outlasts its worker, or meets a fault of ours: it must not hold up the files behind it.
        _end_with_problem(
            database, work, file, f"Dit bestand kon na {MAX_ATTEMPTS} pogingen niet worden verwerkt. Meld het ons."
        )
        return True
    try:
        if file.partial and not file.dry_run:
            work_in_chunks(database, work, file, keep_going)
        else:
            _judged_again(lambda: _work_as_a_whole(database, work, file))
    except Refusal as refusal:
        _end_with_problem(database, work, file, refusal.message)
    return True


def work_in_chunks(database: Database, work: FileWork[File], file: File, keep_going: Callable[[], bool]) -> None:
    """Go on with a file that this worker holds, each chunk a transaction; nothing more once another has it."""
    with database.reading() as reader:
        rows = islice(_rows(reader, work, file), file.rows_done, None)
        while chunk := list(islice(rows, work.chunk_rows)):
            if not _committed_chunk(database, work, file, chunk):
                return
            if not keep_going():
                database.run(lambda db: queries.let_go(db, file))
                return
    database.run(lambda db: _end(db, work, file, state="imported"))


def _committed_chunk(database: Database, work: FileWork[File], file: File, chunk: list[RawRow]) -> bool:
    """Take in one chunk; False when another worker has the file by now, and nothing was written."""

    def act(db: Session) -> bool:
        if not queries.keep_lease(db, file):
            return False
        result = work.take_in(db, file, chunk)
        queries.insert_outcomes(db, work, file.id, result.outcomes)
        queries.count_chunk(db, file, len(chunk), result)
        return True

    return _judged_again(lambda: database.run(act))


def _judged_again(act: Callable[[], T]) -> T:
    """Do it again, a few times, when somebody else came in between.

    Another sender filled what had room, or the same row came by another way, since the rows were judged: judged again,
    they see that.
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


def _work_as_a_whole(database: Database, work: FileWork[File], file: File) -> None:
    accepted = known = refused = 0
    with database.transaction() as db:
        if not queries.keep_lease(db, file):
            return
        queries.delete_outcomes(db, work, file.id)
    try:
        with database.reading() as reader, database.transaction() as db:
            rows = _rows(reader, work, file)
            while chunk := list(islice(rows, work.chunk_rows)):
                result = work.take_in(db, file, chunk)
                accepted += result.accepted
                known += result.known
                refused += result.refused
                with database.transaction() as other:
                    queries.insert_outcomes(other, work, file.id, result.outcomes)
                    if not queries.keep_lease(other, file):
                        raise _RolledBack
            if file.dry_run or refused:
                raise _RolledBack
            _end(db, work, file, state="imported", accepted=accepted, known=known, refused=0)
    except _RolledBack:
        is_refused = refused > 0 and not file.partial
        counts = {"accepted": 0 if is_refused else accepted, "known": known, "refused": refused}
        state = "refused" if is_refused else "imported"
        database.run(lambda db: _end(db, work, file, state=state, **counts))


def _end(db: Session, work: FileWork[File], file: File, **changes: Any) -> None:
    """Finish a file, unless another worker has it by now."""
    is_mine = queries.finish(db, file, **changes)
    if is_mine and (file.dry_run or work.drops(file)):
        inbox.drop(db, file.inbox_id)


def _end_with_problem(database: Database, work: FileWork[File], file: File, problem: str) -> None:
    """The file itself turned out unreadable: the rest of it counts for nothing, and it says why."""
    log.warning("file-unreadable", table=work.file.__tablename__, import_id=str(file.id))
    database.run(lambda db: _end(db, work, file, state="refused", problem=problem))


def _rows(reader: Session, work: FileWork[File], file: File) -> Iterator[RawRow]:
    return read_rows(inbox.pieces(reader, file.inbox_id), ReceivedFile.of(file.media_type), work.columns(file))
