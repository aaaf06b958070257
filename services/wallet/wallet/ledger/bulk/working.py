"""What the worker does with transfer batches, one transaction after another: load, check, post, close.

How far a batch is stands in its row and its chunks, in the same transaction as the work. A worker may be killed
between or in any of them: whoever comes next goes on where it was. Two workers at once share the steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from uuid import UUID

import structlog
from sqlmodel import Session

from foundation import inbox
from foundation.clock import now
from foundation.database import Database, cursor_of
from wallet.ledger import rules as ledger_rules
from wallet.ledger.actions import release_holds
from wallet.ledger.bulk import queries
from wallet.ledger.bulk.files import FileFormat, PlainLines, Some, read_lines
from wallet.ledger.bulk.models import BulkBatch
from wallet.ledger.bulk.rules import CHECKS, CONTENT_VERSION, BatchState, ContentHeader, Fault, content_of
from wallet.ledger.refusals import LoanByHand

BLOCK_PIECES = 4
"""Pieces of the inbox (1 MiB each) that are loaded in one transaction, some 40,000 lines; two or more, so that the rest of
one that was begun never ends before a line does."""
_ABSENT = "\x01"
"""What stands for an absent field while lines are copied: a control character, which no field can hold."""
MAX_ATTEMPTS = 12
GIVES_WAY = 0.5
"""How long a batch rests after a step beside which somebody else writes, as a part of what the step took: small
transactions would wait for processors and disks that one batch can keep busy by itself."""
MOST_COUNTED = 2**63 - 1

log = structlog.get_logger()


def work_through_batches(database: Database, keep_going: Callable[[], bool]) -> None:
    """Take every batch that waits as far as it goes; `keep_going` is asked before each step."""
    with database.transaction() as db:
        waiting = queries.unfinished(db)
    for batch_id in waiting:
        try:
            if keep_going() and database.run(lambda db, known=batch_id: begin(db, known)):  # type: ignore[misc]
                while keep_going() and _one_step(database, batch_id):
                    pass
        except Exception:
            # One batch that cannot go on must not keep the others waiting; it is looked at again at the next tick.
            log.exception("transfer-batch-failed", batch_id=str(batch_id))


def _one_step(database: Database, batch_id: UUID) -> bool:
    """Do a step, and rest after it where others are at work too. False when there is none."""
    began = time.monotonic()
    is_more = database.run(lambda db: step(db, batch_id))
    took = time.monotonic() - began
    if is_more and database.run(queries.others_write):
        time.sleep(took * GIVES_WAY)
    return is_more


def begin(db: Session, batch_id: UUID) -> bool:
    """Count an attempt before the work, so that a file which kills its worker ends too; False when it has ended."""
    batch = queries.batch_to_work_on(db, batch_id)
    if batch is None:
        return False
    if batch.state in (BatchState.LOADING, BatchState.CHECKING):
        batch.attempts += 1
        if batch.attempts > MAX_ATTEMPTS:
            _refuse(db, batch, f"Dit bestand kon na {MAX_ATTEMPTS} pogingen niet worden verwerkt. Meld het ons.")
            return False
    # What is approved is never given up: its money is set apart for it.
    return True


def step(db: Session, batch_id: UUID) -> bool:
    """Do the next piece of work on a batch. False when there is none, or somebody else is doing it."""
    batch = queries.batch_to_work_on(db, batch_id)
    if batch is None:
        return False
    match batch.state:
        case BatchState.LOADING:
            batch.attempts = 0
            load_next_block(db, batch)
        case BatchState.CHECKING:
            batch.attempts = 0
            check_next(db, batch)
        case BatchState.APPROVED | BatchState.POSTING:
            post_next_chunk(db, batch)
        case _:
            return False
    return True


def load_next_block(db: Session, batch: BulkBatch) -> None:
    """Load the next lines of a file; after the last the batch is ready to be checked."""
    first, skipped = divmod(batch.bytes_read, inbox.PIECE_BYTES)
    pieces = inbox.pieces(db, batch.inbox_id, first)
    block = b"".join(islice(pieces, BLOCK_PIECES))[skipped:]
    if batch.bytes_read + len(block) < batch.file_bytes:
        # No line is longer than 64 KiB, so there is an end of one in here.
        block = block[: block.rindex(b"\n") + 1]
    count, found = read_lines(block, FileFormat.of(batch.media_type), batch.lines_read)
    batch.lines += _store(db, batch, found)
    batch.lines_read += count
    batch.bytes_read += len(block)
    if batch.bytes_read == batch.file_bytes:
        batch.state = BatchState.CHECKING
        inbox.drop(db, batch.inbox_id)


def _store(db: Session, batch: BulkBatch, found: Iterator[Some]) -> int:
    """Write lines and faults down; gives how many lines of the file these are."""
    scope = None if batch.by_hand else ledger_rules.SCOPES.get(batch.maker)
    before = f"{batch.id}\t"
    count = 0
    faults: list[Fault] = []
    # In the order of the fields in a file, so that plain lines are copied as they are.
    columns = "batch_id, line, destination, amount, grant_key, reference, explanation"
    statement = f"COPY ledger.bulk_line ({columns}) FROM STDIN (NULL '{_ABSENT}')"
    with cursor_of(db) as cursor, cursor.copy(statement) as copy:
        # Piece by piece, so that the database stores lines while the next are being read.
        for some in found:
            if isinstance(some, PlainLines) and _may_all_be_paid(some.destinations, scope, batch.by_hand):
                count += len(some.lines)
                copy.write(_as_they_are(some, before))
                continue
            lines = []
            for one in some:
                count += 1
                if isinstance(one, Fault):
                    faults.append(one)
                    continue
                number, destination, amount, grant_key, reference, explanation = one
                if scope is not None and not scope.covers(destination):
                    message = f"Dienst {batch.maker} mag niet aan rekening {destination} komen."
                    faults.append(Fault(number, "outsideScope", message))
                if batch.by_hand and ledger_rules.is_of_a_loan(destination):
                    faults.append(Fault(number, LoanByHand.code, str(LoanByHand(destination))))
                lines.append(
                    f"{before}{number}\t{destination}\t{amount}\t{grant_key}"
                    f"\t{reference or _ABSENT}\t{explanation or _ABSENT}\n"
                )
            # Control characters were refused, so the backslash is all that COPY would take for something else.
            copy.write("".join(lines).replace("\\", r"\\"))
    with cursor_of(db) as cursor:
        statement = "COPY ledger.bulk_exception (batch_id, line, code, message, stage) FROM STDIN"
        with cursor.copy(statement) as copy:
            for fault in faults:
                copy.write_row((batch.id, fault.line, fault.code, fault.message, "loading"))
    return count


def _may_all_be_paid(destinations: Sequence[str], scope: ledger_rules.Scope | None, by_hand: bool) -> bool:
    if scope is not None and not all(map(scope.covers, destinations)):
        return False
    return not (by_hand and any(map(ledger_rules.is_of_a_loan, destinations)))


def _as_they_are(some: PlainLines, before: str) -> str:
    numbered = [f"{before}{number}\t{line}\n" for number, line in enumerate(some.lines, start=some.first)]
    between = some.delimiter
    # Only the last two fields may be empty: between two delimiters, and before the end.
    text = "".join(numbered).replace("\\", r"\\").replace(between * 2, f"{between}{_ABSENT}{between}")
    return text.replace(f"{between}\n", f"{between}{_ABSENT}\n").replace(between, "\t")


def check_next(db: Session, batch: BulkBatch) -> None:
    """Do the next check of a batch whose lines are all there; after the last, count and hash what can be posted."""
    if batch.checks_done < CHECKS:
        db.flush()
        queries.check(db, batch.id, batch.checks_done + 1)
        return
    header = ContentHeader(batch.id, batch.kind, batch.source, batch.asset, batch.value_date, batch.reason)
    content = content_of(header, queries.good_lines(db, batch))
    if content.total > MOST_COUNTED:
        _refuse(db, batch, "De bedragen zijn samen meer dan het grootboek kan tellen.")
        return
    batch.content_hash = content.hash
    batch.content_version = CONTENT_VERSION
    batch.excluded, batch.total = batch.lines - content.lines, content.total
    batch.checked_at = now()
    batch.state = BatchState.CHECKED


def post_next_chunk(db: Session, batch: BulkBatch) -> None:
    """Post the next chunk of an approved batch; after the last, give back what is left of the hold and close it."""
    done = queries.progress(db, batch.id)
    if done.chunks < batch.chunks:
        queries.post_chunk(db, batch.id, done.chunks + 1)
        return
    release_holds(db, [batch.id], actor=f"transfer-batch/{batch.id}")
    batch.posted_lines, batch.posted_total = done.lines, done.total
    batch.failed_lines, batch.failed_total = done.failed_lines, done.failed_total
    batch.first_journal, batch.last_journal = done.first_journal, done.last_journal
    batch.posted_at = now()
    batch.state = BatchState.POSTED


def _refuse(db: Session, batch: BulkBatch, problem: str) -> None:
    batch.state, batch.problem = BatchState.REFUSED, problem
    inbox.drop(db, batch.inbox_id)
