"""The verifier's look at transfer batches: the content that was approved, hashed again from the lines and the entries.

The format is described in `wallet.ledger.bulk.rules.content_of`; here it is written once more, by code of its own: from the
lines that were approved, and for what was posted once more from journals and entries. Only a line that was refused
under lock, and so has no entry, is taken from the lines there too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, LiteralString

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

# Of a destination, an amount and a row with the other fields.
_LINE: LiteralString = """concat_ws(E'\\x1f', {0}, {1}, {2}.grant_key, coalesce({2}.reference, ''),
                                 coalesce({2}.explanation, ''))"""
# The address by a subquery: one look into an index per entry, however many accounts there are.
_PAID_TO: LiteralString = """(SELECT a.address FROM ledger.account a
         WHERE a.id = CASE WHEN e.amount > 0 THEN e.account_id ELSE e.counter_account_id END)"""
_PAID: LiteralString = "FROM ledger.entry e WHERE e.journal_id = %(journal)s AND e.grant_key IS NOT NULL"
_WHOLE: LiteralString = f"""
SELECT string_agg({_LINE.format(_PAID_TO, "abs(e.amount)", "e")}, E'\\n' ORDER BY e.line) {_PAID}
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
               {_PAID}) p ON NOT a.failed AND p.place = a.place
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


def verify_bulk_content(db: psycopg.Connection[Any], report: Report) -> None:
    """Hash every batch that was checked again, and name what is not as it was submitted, approved and posted."""
    for batch_id, is_posted, chunks, chunk_lines, lines, total, content_hash, header in db.execute(_BATCHES).fetchall():

        def hashed(written: Iterator[str], header: str = header, lines: int = lines, total: int = total) -> bytes:
            digest = hashlib.sha256(f"{header}\n".encode())
            for part in written:
                digest.update(f"{part}\n".encode())
            digest.update(f"end\x1f{lines}\x1f{total}\n".encode())
            return digest.digest()

        key = f"id={batch_id}"
        made = hashed(_written(db, batch_id, chunk_lines)) if is_posted else content_hash
        if made != content_hash:
            what = f"its content_hash is {content_hash.hex()}; its entries make {made.hex()}"
            report.add("bulk content", "bulk_batch", key, what)
        kept = hashed(_kept(db, batch_id, chunks, chunk_lines))
        if kept != content_hash:
            values = {"batch": batch_id, "most": MOST_PER_CHECK + 1}
            for (line,) in db.execute(_CHANGED_LINES, values).fetchall() if is_posted else ():
                report.add("bulk line", "bulk_line", f"batch_id={batch_id}, line={line}", "it is not what was posted")
            what = f"its content_hash is {content_hash.hex()}; its lines make {kept.hex()}"
            report.add("bulk lines", "bulk_batch", key, what)


def _kept(db: psycopg.Connection[Any], batch_id: Any, chunks: int, chunk_lines: int) -> Iterator[str]:
    for chunk in range(chunks):
        # To the very end with the last, for a line that was put behind the file.
        last = (chunk + 1) * chunk_lines if chunk + 1 < chunks else _BEYOND_ANY_LINE
        values = {"batch": batch_id, "first": chunk * chunk_lines + 1, "last": last}
        (written,) = db.execute(_LINES, values).fetchall()[0]
        if written is not None:
            yield written


def _written(db: psycopg.Connection[Any], batch_id: Any, chunk_lines: int) -> Iterator[str]:
    for chunk, journal_id, failed_lines in db.execute(_CHUNKS, (batch_id,)).fetchall():
        first, last = (chunk - 1) * chunk_lines + 1, chunk * chunk_lines
        values = {"batch": batch_id, "journal": journal_id, "first": first, "last": last}
        (written,) = db.execute(_WITH_FAILED if failed_lines else _WHOLE, values).fetchall()[0]
        if written is not None:
            yield written
