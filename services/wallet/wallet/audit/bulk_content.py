"""The verifier's look at transfer batches: the content that was approved, hashed again from the lines and the entries.

The format is described in `wallet.ledger.bulk.rules.content_of`; here it is written once more, by code of its own: from the
lines that were approved, and for what was posted once more from journals and entries. Only a line that was refused
under lock, and so has no entry, is taken from the lines there too. Entries that pass by under their seals are hashed with
them (`PassingContent`); only batches that were not seen whole in this way are read for it.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import lt
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg

from wallet.audit.differences import MOST_PER_CHECK, Report

_BATCHES: LiteralString = """
SELECT id, state = 'posted', (lines_read + chunk_lines - 1) / chunk_lines, chunk_lines, lines - excluded, total, content_hash,
       concat_ws(E'\\x1f', 'stadsbeurs-bulk', content_version, id, kind, source, asset, to_char(value_date, 'YYYY-MM-DD'),
                 coalesce(reason, ''))
  FROM ledger.bulk_batch WHERE content_hash IS NOT NULL ORDER BY number
"""
_CHUNKS: LiteralString = (
    "SELECT chunk, journal_id, failed_lines FROM ledger.bulk_chunk WHERE batch_id = %s ORDER BY chunk"
)
_JOURNALS_OF_BATCHES: LiteralString = """
SELECT batch_id, array_agg(journal_id ORDER BY chunk) FROM ledger.bulk_chunk
 GROUP BY batch_id HAVING bool_and(journal_id IS NOT NULL AND failed_lines = 0)
"""

# Of a destination, an amount and a row with the other fields.
_LINE: LiteralString = """concat_ws(E'\\x1f', {0}, {1}, {2}.grant_key, coalesce({2}.reference, ''),
                                 coalesce({2}.explanation, ''))"""
# Of an entry `e` and its own account `a`: what a chunk paid to that account, as it stands in the content.
PAID_LINE: LiteralString = f"""CASE WHEN e.grant_key IS NOT NULL AND e.amount > 0
                                    THEN {_LINE.format("a.address", "e.amount", "e")} || E'\\n' END"""
_TO: LiteralString = "CASE WHEN e.amount > 0 THEN e.account_id ELSE e.counter_account_id END"
_PAID: LiteralString = "WHERE e.journal_id = %(journal)s AND e.grant_key IS NOT NULL"
# The addresses of a chunk are looked up all at once and joined, and nothing is sorted: half of what a look into the index
# for each entry costs, however many accounts there are. The lines tell whether the entries came in order.
_AT_ONCE: LiteralString = f"""
SELECT string_agg({_LINE.format("a.address", "abs(e.amount)", "e")}, E'\\n'), string_agg(int4send(e.line), ''::bytea)
  FROM ledger.entry e
  LEFT JOIN ledger.account a ON a.id = {_TO} AND a.id = ANY (ARRAY(SELECT {_TO} FROM ledger.entry e {_PAID})) {_PAID}
"""
_PLANS: LiteralString = (
    "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off;"
    " SET LOCAL enable_bitmapscan = off"
)
_AS_PLANNED: LiteralString = (
    "RESET enable_nestloop; RESET enable_mergejoin; RESET enable_seqscan; RESET enable_bitmapscan"
)
# The address by a subquery: one look into the index per entry, in the order that is asked for.
_PAID_TO: LiteralString = f"(SELECT a.address FROM ledger.account a WHERE a.id = {_TO})"
_WHOLE: LiteralString = f"""
SELECT string_agg({_LINE.format(_PAID_TO, "abs(e.amount)", "e")}, E'\\n' ORDER BY e.line) FROM ledger.entry e {_PAID}
"""
# A line that failed under lock stands between those that were paid: the place of each among the paid ones tells which
# entry is its own.
_WITH_FAILED: LiteralString = f"""
WITH approved AS (
    SELECT l.*, f.line IS NOT NULL AS failed, count(*) FILTER (WHERE f.line IS NULL) OVER (ORDER BY l.line) AS place
      FROM ledger.bulk_line l
      LEFT JOIN (SELECT DISTINCT x.line FROM ledger.bulk_exception x
                  WHERE x.batch_id = %(batch)s AND x.stage = 'posting' AND x.line BETWEEN %(first)s AND %(last)s) f
             ON f.line = l.line
     WHERE l.batch_id = %(batch)s AND l.line BETWEEN %(first)s AND %(last)s
       AND NOT EXISTS (SELECT FROM ledger.bulk_exception x
                        WHERE x.batch_id = %(batch)s AND x.line = l.line AND x.stage <> 'posting')
)
SELECT string_agg(CASE WHEN a.failed THEN {_LINE.format("a.destination", "a.amount", "a")} ELSE p.written END, E'\\n'
                  ORDER BY a.line)
  FROM approved a
  LEFT JOIN (SELECT {_LINE.format(_PAID_TO, "abs(e.amount)", "e")} AS written, row_number() OVER (ORDER BY e.line) AS place
               FROM ledger.entry e {_PAID}) p ON NOT a.failed AND p.place = a.place
"""

_LINES: LiteralString = f"""
SELECT string_agg({_LINE.format("l.destination", "l.amount", "l")}, E'\\n' ORDER BY l.line)
  FROM ledger.bulk_line l
 WHERE l.batch_id = %(batch)s AND l.line BETWEEN %(first)s AND %(last)s
   AND NOT EXISTS (SELECT FROM ledger.bulk_exception x
                    WHERE x.batch_id = %(batch)s AND x.line = l.line AND x.stage <> 'posting')
"""
# Asked only when the lines do not hash to what was approved: which of them is not what was posted.
_CHANGED_LINES: LiteralString = f"""
SELECT l.line
  FROM ledger.bulk_line l
  LEFT JOIN (SELECT e.grant_key, {_LINE.format(_PAID_TO, "abs(e.amount)", "e")} AS written
               FROM ledger.bulk_chunk c
               JOIN ledger.entry e ON e.journal_id = c.journal_id AND e.grant_key IS NOT NULL
              WHERE c.batch_id = %(batch)s) p ON p.grant_key = l.grant_key
 WHERE l.batch_id = %(batch)s AND {_LINE.format("l.destination", "l.amount", "l")} IS DISTINCT FROM p.written
   AND NOT EXISTS (SELECT FROM ledger.bulk_exception x WHERE x.batch_id = %(batch)s AND x.line = l.line)
 ORDER BY l.line LIMIT %(most)s
"""

_BEYOND_ANY_LINE = 2**31 - 1


class _Batch(NamedTuple):
    """A batch that was checked, as its row has it."""

    id: UUID
    is_posted: bool
    chunks: int
    chunk_lines: int
    lines: int
    total: int
    content_hash: bytes
    header: str

    @property
    def start(self) -> bytes:
        return f"{self.header}\n".encode()

    @property
    def end(self) -> bytes:
        return f"end\x1f{self.lines}\x1f{self.total}\n".encode()

    def hashed(self, written: Iterable[str]) -> bytes:
        digest = hashlib.sha256(self.start)
        for part in written:
            digest.update(f"{part}\n".encode())
        digest.update(self.end)
        return digest.digest()


def _batches(db: psycopg.Connection[Any]) -> list[_Batch]:
    return [_Batch(*row) for row in db.execute(_BATCHES).fetchall()]


@dataclass(slots=True)
class _Passing:
    """A batch of which the first journals have passed by."""

    batch: _Batch
    digest: Any
    journals: int = 0


class PassingContent:
    """Hashes batches from entries that are read anyway, under the seals of their journals.

    A batch of which every journal passed by in order, and made what was approved, was seen. Of any other, and of one with
    lines that failed, nothing is said: it is for `verify_posted_content` to read it again and to name it.
    """

    def __init__(self, db: psycopg.Connection[Any]) -> None:
        self._batches = {batch.id: batch for batch in _batches(db) if batch.is_posted}
        self._journals: dict[UUID, list[int]] = dict(db.execute(_JOURNALS_OF_BATCHES).fetchall())
        self._place = {
            journal_id: (batch_id, place)
            for batch_id, journals in self._journals.items()
            if batch_id in self._batches
            for place, journal_id in enumerate(journals)
        }
        self._passing: dict[UUID, _Passing] = {}

    def journals(self, of: Collection[int]) -> list[int]:
        """Give those of these journals whose entries are content."""
        return [journal_id for journal_id in of if journal_id in self._place]

    def take(self, journal_id: int) -> Callable[[memoryview], object]:
        """Give what takes the lines of this journal, in their order, before those of the next one."""
        batch_id, place = self._place[journal_id]
        passing = self._passing.pop(batch_id, None)
        if passing is None:
            batch = self._batches[batch_id]
            passing = _Passing(batch, hashlib.sha256(batch.start))
        if place == passing.journals:
            passing.journals += 1
            self._passing[batch_id] = passing
        return passing.digest.update  # type: ignore[no-any-return]

    def seen(self) -> set[UUID]:
        """Give the batches that were seen, at the end."""
        return {batch_id for batch_id, passing in self._passing.items() if self._is_as_approved(passing)}

    def _is_as_approved(self, passing: _Passing) -> bool:
        if passing.journals != len(self._journals[passing.batch.id]):
            return False
        digest = passing.digest.copy()
        digest.update(passing.batch.end)
        return bool(digest.digest() == passing.batch.content_hash)


def verify_posted_content(db: psycopg.Connection[Any], report: Report, *, passed: PassingContent) -> None:
    """Hash every batch that was posted again from its entries, and name those that are not as they were approved.

    Those that were seen to be, as they passed, are not read again.
    """
    seen = passed.seen()
    for batch in _batches(db):
        if not batch.is_posted or batch.id in seen:
            continue
        made = batch.hashed(_written(db, batch))
        if made != batch.content_hash:
            what = f"its content_hash is {batch.content_hash.hex()}; its entries make {made.hex()}"
            report.add("bulk content", "bulk_batch", f"id={batch.id}", what)


def verify_kept_lines(db: psycopg.Connection[Any], report: Report) -> None:
    """Hash every batch that was checked again from its lines, and name the lines that are not as they were submitted."""
    for batch in _batches(db):
        kept = batch.hashed(_kept(db, batch))
        if kept != batch.content_hash:
            values = {"batch": batch.id, "most": MOST_PER_CHECK + 1}
            for (line,) in db.execute(_CHANGED_LINES, values).fetchall() if batch.is_posted else ():
                report.add("bulk line", "bulk_line", f"batch_id={batch.id}, line={line}", "it is not what was posted")
            what = f"its content_hash is {batch.content_hash.hex()}; its lines make {kept.hex()}"
            report.add("bulk lines", "bulk_batch", f"id={batch.id}", what)


def _kept(db: psycopg.Connection[Any], batch: _Batch) -> Iterator[str]:
    for chunk in range(batch.chunks):
        # To the very end with the last, for a line that was put behind the file.
        last = (chunk + 1) * batch.chunk_lines if chunk + 1 < batch.chunks else _BEYOND_ANY_LINE
        values = {"batch": batch.id, "first": chunk * batch.chunk_lines + 1, "last": last}
        (written,) = db.execute(_LINES, values).fetchall()[0]
        if written is not None:
            yield written


def _written(db: psycopg.Connection[Any], batch: _Batch) -> Iterator[str]:
    for chunk, journal_id, failed_lines in db.execute(_CHUNKS, (batch.id,)).fetchall():
        first, last = (chunk - 1) * batch.chunk_lines + 1, chunk * batch.chunk_lines
        values = {"batch": batch.id, "journal": journal_id, "first": first, "last": last}
        if failed_lines:
            (written,) = db.execute(_WITH_FAILED, values).fetchall()[0]
        else:
            written = _paid(db, values)
        if written is not None:
            yield written


def _paid(db: psycopg.Connection[Any], values: Mapping[str, Any]) -> str | None:
    """Write what a chunk paid, in the order of the lines."""
    db.execute(_PLANS)
    written, lines = db.execute(_AT_ONCE, values, binary=True).fetchall()[0]
    db.execute(_AS_PLANNED)
    if lines is not None and not _rises(lines):
        (written,) = db.execute(_WHOLE, values).fetchall()[0]
    return None if written is None else str(written)


def _rises(lines: bytes) -> bool:
    numbers = array("i", lines)
    if sys.byteorder == "little":
        numbers.byteswap()
    return all(map(lt, numbers, islice(numbers, 1, None)))
