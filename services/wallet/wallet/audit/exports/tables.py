"""The two tables: comma-separated values (RFC 4180) and one JSON object a line, with the same columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from wallet.audit.exports.queries import COLUMNS, Row

_ROWS_AT_ONCE = 1_000

# Numbers are never guarded: a debit is below 0 and must stay a number.
_NUMBERS = {"line", "version", "amount", "balanceAfter", "chunk", "block"}
_TEXTS = [place for place, name in enumerate(COLUMNS) if name not in _NUMBERS]
_STARTS_A_FORMULA = frozenset("=+-@\t\r'")
"""What makes a spreadsheet read a text as a formula; and the sign that guards it, so that taking one off is always right."""


class Piece(NamedTuple):
    """Some of a file, and how many entries stand in it."""

    content: bytes
    rows: int


def csv_pieces(rows: Iterable[Row]) -> Iterator[Piece]:
    """Write rows as CSV: UTF-8, commas, a header, CRLF; a text that a spreadsheet would compute starts with `'`."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    written = 0
    for batch in _batches(rows):
        writer.writerows(map(_guarded, batch))
        yield Piece(buffer.getvalue().encode(), len(batch))
        buffer.seek(0)
        buffer.truncate()
        written += len(batch)
    if not written:
        yield Piece(buffer.getvalue().encode(), 0)


def json_pieces(rows: Iterable[Row]) -> Iterator[Piece]:
    """Write rows as JSON objects, one a line; what is absent is null."""
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    for batch in _batches(rows):
        lines = [encode(dict(zip(COLUMNS, row, strict=True))) for row in batch]
        yield Piece("\n".join([*lines, ""]).encode(), len(batch))


def _guarded(row: Row) -> Row:
    at_risk = [place for place in _TEXTS if (value := row[place]) and value[0] in _STARTS_A_FORMULA]
    if not at_risk:
        return row
    return tuple(f"'{value}" if place in at_risk else value for place, value in enumerate(row))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, _ROWS_AT_ONCE)):
        yield batch
