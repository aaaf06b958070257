"""Reading hours files as volunteer organisations send them, CSV of many kinds and JSON, in flat memory.

CSV has the header `externalId;participantNumber;workedOn;hours;activity` on its first line, `;` or `,`
between the fields, unix or DOS line ends, and is UTF-8 (with or without BOM) or Windows-1252. JSON is
`{"items": [{…}, …]}`. Whether a file is UTF-8 or Windows-1252 can only be told at its end, so a file is read
twice: once while it arrives (`FileInspection`), once for its rows.

>>> inspection = FileInspection()
>>> inspection.feed(b"externalId;participantNumber;workedOn;hours;activity\\n")
>>> inspection.feed(b"a1;1700001;18-04-2026;2,75;caf\\xe9\\n")
>>> inspection.finish()
(FileFormat(kind='csv', delimiter=';'), 'cp1252')
"""

from __future__ import annotations

import codecs
import csv
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from burgerbudget.hour_fields import ACTIVITY_LIMIT, RawRow, parse_row
from burgerbudget.json_items import JsonItems, MalformedJson
from foundation.refusals import BadRequest

__all__ = [
    "COLUMNS",
    "EmptyFile",
    "Encoding",
    "FileFormat",
    "FileInspection",
    "InvalidJson",
    "NotCsvOrJson",
    "NotText",
    "NulByte",
    "RawRow",
    "UnreadableFile",
    "WrongHeader",
    "detect_encoding",
    "parse_row",
    "read_csv",
    "read_json",
    "read_rows",
    "sniff",
]

Encoding = Literal["utf-8-sig", "cp1252"]

COLUMNS = ("externalId", "participantNumber", "workedOn", "hours", "activity")
SNIFF_BYTES = 4096
LINE_LIMIT = 4096
RECORD_LINES_LIMIT = 20

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_NOT_IN_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


class UnreadableFile(BadRequest):
    """A file that cannot be read as an hours file at all; nothing of it is judged."""

    code = "unreadableFile"


class EmptyFile(UnreadableFile):
    code = "emptyFile"


class NulByte(UnreadableFile):
    code = "nulByte"


class NotCsvOrJson(UnreadableFile):
    code = "notCsvOrJson"


class NotText(UnreadableFile):
    code = "notText"


class WrongHeader(UnreadableFile):
    code = "wrongHeader"


class InvalidJson(UnreadableFile):
    code = "invalidJson"


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What kind of file it is; the delimiter is empty for JSON."""

    kind: Literal["csv", "json"]
    delimiter: str


def sniff(first_bytes: bytes) -> FileFormat:
    """Tell the format from the first `SNIFF_BYTES` of a file, or less; raises `UnreadableFile`."""
    if first_bytes.startswith(b"PK\x03\x04"):
        raise NotCsvOrJson("Dit is een Excel- of zip-bestand; bewaar het werkblad als CSV en stuur dat.")
    if first_bytes.startswith(_UTF16_BOMS):
        raise NotText("Dit bestand is UTF-16; bewaar het als 'CSV UTF-8' en stuur dat.")
    if b"\x00" in first_bytes:
        raise _nul_byte()
    text = first_bytes.removeprefix(_BOM)
    if not text.strip():
        raise EmptyFile("Het bestand is leeg; stuur een bestand met een kopregel en uren.")
    if text.lstrip().startswith((b"{", b"[")):
        return FileFormat("json", "")
    return FileFormat("csv", _delimiter(text.split(b"\n", 1)[0].decode("utf-8", errors="replace")))


class FileInspection:
    """Looks at a file while it arrives, chunk by chunk; refuses as soon as it cannot be read."""

    def __init__(self) -> None:
        self._first = b""
        self._format: FileFormat | None = None
        self._has_bom = False
        self._utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        self._cp1252 = True

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk; raises `UnreadableFile`."""
        has_nul = b"\x00" in chunk
        if self._format is None:
            self._first += chunk[: SNIFF_BYTES - len(self._first)]
            # A file with a NUL is refused here at once, with what its first bytes say it is instead.
            if has_nul or len(self._first) == SNIFF_BYTES:
                self._sniff()
        if has_nul:
            raise _nul_byte()
        if self._utf8 is not None:
            try:
                self._utf8.decode(chunk)
            except UnicodeDecodeError:
                self._utf8 = None
        self._cp1252 = self._cp1252 and not any(byte in chunk for byte in _NOT_IN_CP1252)

    def finish(self) -> tuple[FileFormat, Encoding]:
        """Give format and encoding of the whole file; raises `UnreadableFile`."""
        found = self._format or self._sniff()
        if self._utf8 is not None:
            try:
                self._utf8.decode(b"", final=True)
            except UnicodeDecodeError:
                self._utf8 = None
        if self._utf8 is not None:
            return found, "utf-8-sig"
        if found.kind == "json":
            raise NotText("JSON moet UTF-8 zijn, en dit bestand is dat niet; bewaar het als UTF-8.")
        if self._has_bom or not self._cp1252:
            raise NotText("De tekens van dit bestand zijn UTF-8 noch Windows-1252; bewaar het als 'CSV UTF-8'.")
        return found, "cp1252"

    def _sniff(self) -> FileFormat:
        self._format = sniff(self._first)
        self._has_bom = self._first.startswith(_BOM)
        return self._format


def detect_encoding(chunks: Iterable[bytes]) -> Encoding:
    """Tell the encoding of a file that is there in full; raises `UnreadableFile` where it cannot be read."""
    inspection = FileInspection()
    for chunk in chunks:
        inspection.feed(chunk)
    return inspection.finish()[1]


def read_rows(chunks: Iterable[bytes], file_format: FileFormat, encoding: Encoding) -> Iterator[RawRow]:
    """Read the rows of a file that was inspected; raises `UnreadableFile`, for JSON possibly half way."""
    return read_json(chunks) if file_format.kind == "json" else read_csv(chunks, encoding)


def read_csv(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[RawRow]:
    """Read the rows of a CSV file in order; its first line must be the header, blank lines are skipped.

    `row` counts physical lines, and a row whose quoted field holds line breaks has the number of its first
    line. Rows with another number of fields, a quote that is not closed within `RECORD_LINES_LIMIT` lines,
    or a line of more than `LINE_LIMIT` characters come out with a `problem`; the lines after a quote that
    does not close are rows.
    """
    lines = _Lines(chunks, encoding)
    _, header = lines.next_line() or (1, "")
    delimiter = _delimiter(header)
    while (numbered := lines.next_line()) is not None:
        number, line = numbered
        if len(line) > LINE_LIMIT:
            yield _problem_row(number, line, delimiter, f"De regel is langer dan {LINE_LIMIT} tekens.")
        elif '"' in line:
            cells = _quoted_cells(line, lines, delimiter)
            if cells is None:
                yield _problem_row(number, line, delimiter, "Een aanhalingsteken klopt niet of wordt niet gesloten.")
            else:
                yield _raw_row(number, cells)
        elif line and not line.isspace():
            yield _raw_row(number, line.split(delimiter))


def read_json(chunks: Iterable[bytes]) -> Iterator[RawRow]:
    """Read the items of `{"items": […]}` in order; `row` is the index + 1; raises `InvalidJson`, possibly
    half way.

    An item that is no object, or has a field of another kind or with another name, comes out with a
    `problem`.
    """
    items = JsonItems()
    try:
        for chunk in chunks:
            yield from items.feed(chunk)
        items.finish()
    except MalformedJson as error:
        raise InvalidJson(f'Dit is geen goede JSON van de vorm {{"items": [...]}}: {error}') from error


def _delimiter(header: str) -> str:
    """Give the delimiter of a header line; raises `WrongHeader` or `NotCsvOrJson`."""
    line = header.removeprefix("\ufeff").strip()
    for delimiter in ";", ",":
        if tuple(cell.strip().strip('"') for cell in line.split(delimiter)) == COLUMNS:
            return delimiter
    expected = ";".join(COLUMNS)
    if not line.isprintable() or not any(delimiter in line for delimiter in ";,"):
        raise NotCsvOrJson(f"Dit is geen CSV en geen JSON. Een CSV-bestand begint met de kopregel {expected}")
    shown = line if len(line) <= 120 else line[:120] + "…"
    raise WrongHeader(f"De kopregel is '{shown}'; verwacht wordt '{expected}' (met ; of , ertussen).")


def _nul_byte() -> NulByte:
    return NulByte("Het bestand bevat een NUL-teken; dat hoort niet in tekst. Bewaar het opnieuw als CSV UTF-8.")


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


def _quoted_cells(line: str, lines: _Lines, delimiter: str) -> list[str] | None:
    """Take a record with quotes apart, reading on while a quote is open; `None` when it does not close."""
    read_on: list[tuple[int, str]] = []

    def physical_lines() -> Iterator[str]:
        yield line + "\n"
        while len(read_on) < RECORD_LINES_LIMIT and (numbered := lines.next_line()) is not None:
            read_on.append(numbered)
            yield numbered[1] + "\n"

    try:
        cells = next(csv.reader(physical_lines(), delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration):
        lines.put_back(read_on)
        return None
    if read_on and (len(cells) != len(COLUMNS) or len(cells[-1]) > ACTIVITY_LIMIT):
        # Two stray quotes lines apart look like one long field: the rows between them are rows, and must be
        # heard.
        lines.put_back(read_on)
        return None
    return cells


def _raw_row(number: int, cells: list[str]) -> RawRow:
    if len(cells) == len(COLUMNS):
        return RawRow(number, *cells)
    problem = f"De regel heeft {len(cells)} velden in plaats van {len(COLUMNS)}."
    return RawRow(number, cells[0] if cells else "", "", "", "", "", problem)


def _problem_row(number: int, line: str, delimiter: str, problem: str) -> RawRow:
    return RawRow(number, line.split(delimiter, 1)[0].strip('"'), "", "", "", "", problem)
