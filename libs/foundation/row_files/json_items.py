"""Taking `{"items": [{…}, …]}` apart piece by piece, in bounded memory whatever the file contains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import ijson
from ijson.utils import sendable_list

from foundation.row_files.columns import Columns, RawRow
from foundation.row_files.refusals import InvalidJson

PIECE_BYTES = 64 * 1024
# A parser keeps an unfinished text or number in memory; so much without any event means there is no end to
# it.
SILENCE_LIMIT_BYTES = 256 * 1024

DEPTH_LIMIT = 32
NUMBER_DIGITS_LIMIT = 20

_BOM = b"\xef\xbb\xbf"


class MalformedJson(ValueError):
    """The text is no JSON, or not of the form `{"items": […]}`."""


def read_json(chunks: Iterable[bytes], columns: Columns) -> Iterator[RawRow]:
    """Read the items of `{"items": […]}` in order; `row` is the index + 1; raises `InvalidJson`, possibly half way.

    An item that is no object, or has a field of another kind or with another name, comes out with a `problem`. Fields
    may come in any order and may be absent or null: they are empty then.
    """
    items = JsonItems(columns)
    try:
        for chunk in chunks:
            yield from items.feed(chunk)
        items.finish()
    except MalformedJson as error:
        raise InvalidJson(f'Dit is geen goede JSON van de vorm {{"items": [...]}}: {error}') from error


class JsonItems:
    """Feed it bytes, it gives rows; what an item holds beyond its columns is never kept."""

    def __init__(self, columns: Columns) -> None:
        self._names = columns.names
        self._numbers = columns.numbers
        self._events: list[tuple[str, Any]] = sendable_list()
        self._parser = ijson.basic_parse_coro(self._events)
        self._silent_bytes = 0
        self._depth = 0
        self._seen_items = False
        self._row = 0
        self._key = ""
        self._values: dict[str, str] = {}
        self._start: bytes | None = b""
        self._problem: str | None = None

    def feed(self, chunk: bytes) -> Iterator[RawRow]:
        """Give the rows that this chunk completes; raises `MalformedJson`."""
        if self._start is not None:
            # A BOM may be cut by a chunk's end, so wait until it can be told from what follows.
            self._start += chunk
            if len(self._start) < len(_BOM):
                return
            chunk, self._start = self._start.removeprefix(_BOM), None
        for start in range(0, len(chunk), PIECE_BYTES):
            piece = chunk[start : start + PIECE_BYTES]
            try:
                self._parser.send(piece)
            except (ijson.JSONError, ValueError, ArithmeticError) as error:
                raise MalformedJson("de tekst is geen JSON, of breekt af") from error
            self._silent_bytes = 0 if self._events else self._silent_bytes + len(piece)
            if self._silent_bytes > SILENCE_LIMIT_BYTES:
                raise MalformedJson(f"er staat een tekst in van meer dan {SILENCE_LIMIT_BYTES // 1024} KiB")
            for event, value in self._events:
                row = self._on(event, value)
                if row is not None:
                    yield row
            self._events.clear()

    def finish(self) -> None:
        """Check that the text is complete; raises `MalformedJson`."""
        try:
            if self._start:
                self._parser.send(self._start)
            self._parser.close()
        except (ijson.JSONError, ValueError) as error:
            raise MalformedJson("de tekst breekt af") from error
        if not self._seen_items:
            raise MalformedJson("'items' ontbreekt")

    def _on(self, event: str, value: Any) -> RawRow | None:
        # Depth 1 is inside the outer object, 2 inside the array of items, 3 inside one item, 4 and more
        # inside a field.
        if event in ("start_map", "start_array"):
            self._depth += 1
            if self._depth > DEPTH_LIMIT:
                raise MalformedJson(f"er zitten meer dan {DEPTH_LIMIT} lagen in")
            if self._depth <= 2:
                self._check_outside(event)
            elif self._depth == 3:
                self._begin_item("" if event == "start_map" else "De rij is geen object.")
            elif self._depth == 4:
                self._complain(f"{self._name()} is geen tekst.")
            return None
        if event in ("end_map", "end_array"):
            self._depth -= 1
            return self._end_item() if self._depth == 2 else None
        if self._depth == 3:
            self._on_field(event, value)
        elif self._depth == 2:
            self._begin_item("De rij is geen object.")
            return self._end_item()
        elif self._depth == 1:
            self._on_outer_field(event, value)
        elif self._depth == 0:
            raise MalformedJson("de tekst is geen object")
        return None

    def _check_outside(self, event: str) -> None:
        if self._depth == 1 and event != "start_map":
            raise MalformedJson("de tekst is geen object")
        if self._depth == 2 and event != "start_array":
            raise MalformedJson("'items' is geen lijst")

    def _on_outer_field(self, event: str, value: Any) -> None:
        if event != "map_key":
            raise MalformedJson("'items' is geen lijst")
        if value != "items":
            raise MalformedJson("naast 'items' staat een ander veld")
        if self._seen_items:
            raise MalformedJson("'items' staat er twee keer")
        self._seen_items = True

    def _begin_item(self, problem: str) -> None:
        self._row += 1
        self._key = ""
        self._values = {}
        self._problem = problem or None

    def _end_item(self) -> RawRow:
        return RawRow(self._row, tuple([self._values.get(name, "") for name in self._names]), self._problem)

    def _on_field(self, event: str, value: Any) -> None:
        if event == "map_key":
            self._key = value
            if value not in self._names:
                self._complain("De rij heeft een veld dat er niet hoort.")
            elif value in self._values:
                self._complain(f"{value} staat er twee keer.")
            else:
                self._values[value] = ""
        elif self._key in self._names:
            text = _text_of(event, value, self._key in self._numbers)
            if text is None:
                self._complain(f"{self._name()} is geen tekst.")
            else:
                self._values[self._key] = text

    def _complain(self, problem: str) -> None:
        if self._problem is None:
            self._problem = problem

    def _name(self) -> str:
        return self._key if self._key in self._names else "Een veld"


def _text_of(event: str, value: Any, may_be_number: bool) -> str | None:
    """Give a value as the text that a CSV would hold; null is an empty field."""
    if event == "string":
        return str(value)
    if event == "null":
        return ""
    if event != "number" or not may_be_number:
        return None
    number = Decimal(value)
    # 1e999999999 is a number too; written out it would fill the memory.
    if (number and abs(number.adjusted()) > NUMBER_DIGITS_LIMIT) or len(number.as_tuple().digits) > NUMBER_DIGITS_LIMIT:
        return None
    return f"{number:f}"
