"""The verifier's look at transfer batches: the content that was approved, hashed again from what the entries say.

The format is described in `wallet.ledger.bulk.rules.content_hash`; here it is written by another encoder, from journals
and entries instead of from the lines that were approved. Only a line that was refused under lock, and so has no entry,
is taken from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg

from wallet.audit.differences import Report

_BATCHES: LiteralString = """
SELECT id, chunk_lines, lines - excluded, total, content_hash,
       concat_ws(E'\\x1f', 'stadsbeurs-bulk', content_version, id, kind, source, asset, to_char(value_date, 'YYYY-MM-DD'),
                 coalesce(reason, ''))
  FROM ledger.bulk_batch WHERE state = 'posted' ORDER BY number
"""
_CHUNKS: LiteralString = (
    "SELECT chunk, journal_id, failed_lines FROM ledger.bulk_chunk WHERE batch_id = %s ORDER BY chunk"
)

_LINE: LiteralString = """concat_ws(E'\\x1f', {0}.destination, {0}.amount, {0}.grant_key,
                                 coalesce({0}.reference, ''), coalesce({0}.explanation, ''))"""
# The address by a subquery: one look into an index per entry, however many accounts there are.
_PAID: LiteralString = """
SELECT (SELECT a.address FROM ledger.account a
         WHERE a.id = CASE WHEN e.amount > 0 THEN e.account_id ELSE e.counter_account_id END) AS destination,
       abs(e.amount) AS amount, e.grant_key, e.reference, e.explanation, e.line, row_number() OVER (ORDER BY e.line) AS place
  FROM ledger.entry e
 WHERE e.journal_id = %(journal)s AND e.grant_key IS NOT NULL
"""
_WHOLE: LiteralString = f"SELECT string_agg({_LINE.format('p')}, E'\\n' ORDER BY p.line) FROM ({_PAID}) p"
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
SELECT string_agg(CASE WHEN a.failed THEN {_LINE.format("a")} ELSE {_LINE.format("p")} END, E'\\n' ORDER BY a.line)
  FROM approved a
  LEFT JOIN ({_PAID}) p ON NOT a.failed AND p.place = a.place
"""


def verify_bulk_content(db: psycopg.Connection[Any], report: Report) -> None:
    """Hash every posted batch again, chunk by chunk, and name each whose content is not what was approved."""
    for batch_id, chunk_lines, lines, total, content_hash, header in db.execute(_BATCHES).fetchall():
        digest = hashlib.sha256(f"{header}\n".encode())
        for written in _written(db, batch_id, chunk_lines):
            digest.update(f"{written}\n".encode())
        digest.update(f"end\x1f{lines}\x1f{total}\n".encode())
        if digest.digest() != content_hash:
            what = f"its content_hash is {content_hash.hex()}; its entries make {digest.hexdigest()}"
            report.add("bulk content", "bulk_batch", f"id={batch_id}", what)


def _written(db: psycopg.Connection[Any], batch_id: Any, chunk_lines: int) -> Iterator[str]:
    for chunk, journal_id, failed_lines in db.execute(_CHUNKS, (batch_id,)).fetchall():
        first, last = (chunk - 1) * chunk_lines + 1, chunk * chunk_lines
        values = {"batch": batch_id, "journal": journal_id, "first": first, "last": last}
        (written,) = db.execute(_WITH_FAILED if failed_lines else _WHOLE, values).fetchall()[0]
        if written is not None:
            yield written
