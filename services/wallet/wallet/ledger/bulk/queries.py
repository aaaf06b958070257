"""Reading transfer batches: which wait for the worker, what their lines are, how far they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text, tuple_
from sqlmodel import Session, col, select

from foundation.database import cursor_of
from wallet.ledger.bulk.models import BulkBatch, BulkException
from wallet.ledger.bulk.refusals import BatchNotFound
from wallet.ledger.bulk.rules import Part

_LINES_AT_ONCE = 5_000

# Lines that are posted if nothing happens to them under lock, each as it is hashed (`content_of` says how).
_GOOD_LINES = """
SELECT count(*), coalesce(sum(l.amount), 0),
       coalesce(string_agg(concat_ws(E'\\x1f', l.destination, l.amount, l.grant_key, coalesce(l.reference, ''),
                                     coalesce(l.explanation, '')) || E'\\n', '' ORDER BY l.line), '')
  FROM ledger.bulk_line l
 WHERE l.batch_id = %(batch)s AND l.line BETWEEN %(first)s AND %(last)s AND NOT EXISTS (
       SELECT FROM ledger.bulk_exception x
        WHERE x.batch_id = %(batch)s AND x.line = l.line AND x.line BETWEEN %(first)s AND %(last)s
          AND x.stage IN ('loading', 'checking'))
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the chunks of a batch came to so far."""

    chunks: int
    lines: int
    total: int
    failed_lines: int
    failed_total: int
    first_journal: int | None
    last_journal: int | None


def batch(db: Session, batch_id: UUID) -> BulkBatch:
    """Give a batch. Raises `BatchNotFound`."""
    found = db.get(BulkBatch, batch_id)
    if found is None:
        raise BatchNotFound
    return found


def batch_for_update(db: Session, batch_id: UUID) -> BulkBatch:
    """Give a batch, locked: one act at a time. Raises `BatchNotFound`."""
    statement = select(BulkBatch).where(BulkBatch.id == batch_id).with_for_update()
    found = db.exec(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise BatchNotFound
    return found


def batch_to_work_on(db: Session, batch_id: UUID) -> BulkBatch | None:
    """Give a batch, locked, or None when somebody else has it at this moment."""
    statement = select(BulkBatch).where(BulkBatch.id == batch_id).with_for_update(skip_locked=True)
    return db.exec(statement.execution_options(populate_existing=True)).one_or_none()


def unfinished(db: Session) -> list[UUID]:
    """Give the batches that wait for the worker, the oldest first."""
    found = text(
        "SELECT id FROM ledger.bulk_batch WHERE state IN ('loading', 'checking', 'approved', 'posting') ORDER BY number"
    )
    return list(db.execute(found).scalars())


def batches_before(
    db: Session, number: int | None, limit: int, state: str | None, maker: tuple[str, bool] | None
) -> Sequence[BulkBatch]:
    """Give batches, newest first: all, or those of one maker (by name, and whether it is a person)."""
    statement = select(BulkBatch).order_by(col(BulkBatch.number).desc()).limit(limit)
    if number is not None:
        statement = statement.where(BulkBatch.number < number)
    if state is not None:
        statement = statement.where(BulkBatch.state == state)
    if maker is not None:
        statement = statement.where(BulkBatch.maker == maker[0], BulkBatch.by_hand == maker[1])
    return db.exec(statement).all()


def good_lines(db: Session, batch: BulkBatch) -> Iterator[Part]:
    """Give the lines without an exception in the order of the file, some thousands at a time, written to be hashed."""
    with cursor_of(db) as cursor:
        for first in range(1, batch.lines_read + 1, _LINES_AT_ONCE):
            values = {"batch": batch.id, "first": first, "last": first + _LINES_AT_ONCE - 1}
            ((lines, total, written),) = cursor.execute(_GOOD_LINES, values).fetchall()
            yield Part(lines, int(total), written.encode())


def progress(db: Session, batch_id: UUID) -> Progress:
    """Add up what was posted of a batch."""
    row = db.execute(
        text(
            "SELECT count(*), coalesce(sum(lines), 0)::bigint, coalesce(sum(total), 0)::bigint,"
            "       coalesce(sum(failed_lines), 0)::bigint, coalesce(sum(failed_total), 0)::bigint,"
            "       min(journal_id), max(journal_id) FROM ledger.bulk_chunk WHERE batch_id = :batch"
        ),
        {"batch": batch_id},
    ).one()
    return Progress(*row)


def exceptions_after(
    db: Session, batch_id: UUID, after: tuple[int, str], limit: int, code: str | None
) -> Sequence[BulkException]:
    """Give exceptions by line and code, those after a line and code: all, or those of one code."""
    place = tuple_(col(BulkException.line), col(BulkException.code))
    statement = select(BulkException).where(BulkException.batch_id == batch_id, place > after)
    if code is not None:
        statement = statement.where(BulkException.code == code)
    return db.exec(statement.order_by(col(BulkException.line), col(BulkException.code)).limit(limit)).all()


def lines_after(db: Session, batch_id: UUID, line: int, limit: int) -> Sequence[Row[Any]]:
    """Give lines that could be read, in the order of the file, each with its codes and with its transfer once posted."""
    return db.execute(
        text(
            """
            SELECT l.line, l.destination, l.amount, b.asset, l.grant_key, l.reference, l.explanation,
                   t.journal_id || '-' || t.line AS transfer_id,
                   ARRAY(SELECT x.code FROM ledger.bulk_exception x
                          WHERE x.batch_id = l.batch_id AND x.line = l.line ORDER BY x.code) AS exceptions
              FROM (SELECT * FROM ledger.bulk_line
                     WHERE batch_id = :batch AND line > :line ORDER BY line LIMIT :limit) l
              JOIN ledger.bulk_batch b ON b.id = l.batch_id
              LEFT JOIN LATERAL (
                    SELECT e.journal_id, e.line
                      FROM ledger.entry e JOIN ledger.journal j ON j.id = e.journal_id
                     WHERE e.grant_key = l.grant_key AND j.batch = l.batch_id::text
                       AND NOT EXISTS (SELECT FROM ledger.bulk_exception x
                                        WHERE x.batch_id = l.batch_id AND x.line = l.line)) t ON true
             ORDER BY l.line
            """
        ),
        {"batch": batch_id, "line": line, "limit": limit},
    ).all()


def check(db: Session, batch_id: UUID, number: int) -> None:
    """Do one of the checks of a batch's lines, as a set: what it finds stands in the exceptions."""
    db.execute(text("SELECT ledger.check_bulk(:batch, :number)"), {"batch": batch_id, "number": number})


def post_chunk(db: Session, batch_id: UUID, chunk: int) -> None:
    """Post one chunk of an approved batch; one that was posted already stays as it is."""
    db.execute(text("SELECT ledger.post_bulk_chunk(:batch, :chunk)"), {"batch": batch_id, "chunk": chunk})


def others_write(db: Session) -> bool:
    """Tell whether somebody but the workers is writing at this moment: whoever only reads asks little of disks."""
    found = db.execute(
        text(
            """
            SELECT EXISTS (
                SELECT FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = current_user AND backend_xid IS NOT NULL
                   AND application_name <> current_setting('application_name'))
            """
        )
    )
    return bool(found.scalar_one())
