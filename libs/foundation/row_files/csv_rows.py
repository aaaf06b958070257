"""Taking CSV apart line by line, in bounded memory whatever the file contains."""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from foundation.row_files.columns import Columns, Header, RawRow, read_header
from foundation.row_files.inspection import Encoding
from foundation.row_files.refusals import NotText

LINE_LIMIT = 4096
RECORD_LINES_LIMIT = 20


def read_csv(chunks: Iterable[bytes], encoding: Encoding, columns: Columns) -> Iterator[RawRow]:
    """Read the rows of a CSV file in order; its first line must be the header, blank lines are skipped.

    `row` counts physical lines, and a row whose quoted field holds line breaks has the number of its first
    line. Rows with another number of fields than the header, a quote that is not closed within `RECORD_LINES_LIMIT`
    lines, or a line of more than `LINE_LIMIT` characters come out with a `problem`; the lines after a quote that
    does not close are rows.
    """
    lines = _Lines(chunks, encoding)
    _, first_line = lines.next_line() or (1, "")
    shape = _Shape.of(read_header(first_line, columns), columns)
    delimiter = shape.header.delimiter
    while (numbered := lines.next_line()) is not None:
        number, line = numbered
        if len(line) > LINE_LIMIT:
            yield shape.problem(number, line, f"De regel is langer dan {LINE_LIMIT} tekens.")
        elif '"' in line:
            cells = _quoted_cells(line, lines, shape)
            if cells is None:
                yield shape.problem(number, line, "Een aanhalingsteken klopt niet of wordt niet gesloten.")
            else:
                yield shape.row(number, cells)
        elif line and not line.isspace():
            yield shape.row(number, line.split(delimiter))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a row of this file looks like; `left_out` is what its header leaves out, each empty."""

    header: Header
    left_out: tuple[str, ...]
    free_text_limit: int

    @classmethod
    def of(cls, header: Header, columns: Columns) -> _Shape:
        return cls(header, ("",) * (len(columns.names) - header.width), columns.free_text_limit)

    def row(self, number: int, cells: list[str]) -> RawRow:
        width = self.header.width
        if len(cells) == width:
            return RawRow(number, (*cells, *self.left_out))
        return self._with_first(
            number, cells[0] if cells else "", f"De regel heeft {len(cells)} velden in plaats van {width}."
        )

    def may_run_on(self, cells: list[str]) -> bool:
        """Tell whether these may be the cells of one record that runs over several lines."""
        return bool(self.free_text_limit) and len(cells) == self.header.width and len(cells[-1]) <= self.free_text_limit

    def problem(self, number: int, line: str, problem: str) -> RawRow:
        return self._with_first(number, line.split(self.header.delimiter, 1)[0].strip('"'), problem)

    def _with_first(self, number: int, first: str, problem: str) -> RawRow:
        return RawRow(number, (first, *("",) * (self.header.width - 1), *self.left_out), problem)


class _Lines:
    """The physical lines of a file with their numbers, without line ends; lines can be put back."""

    def __init__(self, chunks: Iterable[bytes], encoding: Encoding) -> None:
        self._numbered = enumerate(_split_lines(chunks, encoding), start=1)
        self._put_back: deque[tuple[int, str]] = deque()

    def next_line(self) -> tuple[int, str] | None:
        return self._put_back.popleft() if self._put_back else next(self._numbered, None)

    def put_back(self, lines: list[tuple[int, str]]) -> None:
        self._put_back.extendleft(reversed(lines))


def _split_lines(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[str]:
    """Cut chunks into lines at each newline; of an endless line only the first part is kept."""
    decoder = codecs.getincrementaldecoder(encoding)()
    rest = ""
    try:
        for chunk in chunks:
            *lines, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in lines:
                yield line.removesuffix("\r")
            if len(rest) > LINE_LIMIT:
                rest = rest[: LINE_LIMIT + 1]
        rest += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise NotText(f"De tekens van dit bestand zijn geen {encoding}; bewaar het als 'CSV UTF-8'.") from error
    if rest:
        yield rest.removesuffix("\r")


def _quoted_cells(line: str, lines: _Lines, shape: _Shape) -> list[str] | None:
    """Take a record with quotes apart, reading on while a quote is open; `None` when it does not close."""
    read_on: list[tuple[int, str]] = []

    def physical_lines() -> Iterator[str]:
        yield line + "\n"
        while len(read_on) < RECORD_LINES_LIMIT and (numbered := lines.next_line()) is not None:
            read_on.append(numbered)
            yield numbered[1] + "\n"

    try:
        cells = next(csv.reader(physical_lines(), delimiter=shape.header.delimiter, strict=True))
    except (csv.Error, StopIteration):
        lines.put_back(read_on)
        return None
    if read_on and not shape.may_run_on(cells):
        # Two stray quotes lines apart look like one long field: the rows between them are rows, and must be
        # heard.
        lines.put_back(read_on)
        return None
    return cells
