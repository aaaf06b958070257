"""Reading files of transfers, CSV and JSON lines, in flat memory and from any line on.

CSV has the header `destination;amount;grantKey;reference;explanation` on its first line, `;` or `,` between the fields,
and every record on one line; JSON lines have an object with the same fields on each. Both are UTF-8, with or without
BOM, with unix or DOS line ends; blank lines are skipped. A file is looked at while it arrives (`FileInspection`) and
read in blocks of whole lines afterwards.

>>> inspection = FileInspection("csv")
>>> inspection.feed(b"destination,amount,grantKey,reference,explanation\\n")
>>> inspection.feed(b"holder:1:vrij,1250,gift/1,,\\n")
>>> inspection.finish()
FileFormat(kind='csv', delimiter=',')
"""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from foundation.refusals import TooLarge
from wallet.ledger.bulk.refusals import EmptyFile, NotCsv, NotJsonLines, NotText, NulByte, UnreadableFile, WrongHeader
from wallet.ledger.bulk.rules import (
    AMOUNT_DIGITS,
    COLUMNS,
    MAX_LINES,
    MAX_TEXT,
    Fault,
    Line,
    has_control,
    read_line,
)

Kind = Literal["csv", "jsonl"]

MAX_FILE_BYTES = 512 * 1024 * 1024
LINE_LIMIT_BYTES = 64 * 1024
"""A longer line is no record of ours; that there is none lets a reader find the end of a line in any block."""
LINES_AT_ONCE = 1_000

_BOM = b"\xef\xbb\xbf"
_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\r\n")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What kind of file it is; the delimiter is empty for JSON lines."""

    kind: Kind
    delimiter: str

    @property
    def media_type(self) -> str:
        """How the format is kept with the batch."""
        return f"{self.kind}|{self.delimiter}"

    @classmethod
    def of(cls, media_type: str) -> FileFormat:
        kind, delimiter = media_type.split("|")
        return cls(kind, delimiter)  # type: ignore[arg-type]


class FileInspection:
    """Looks at a file while it arrives; refuses as soon as it cannot be read, naming the line."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._format: FileFormat | None = None
        self._first = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._newlines = 0
        self._since_newline = 0
        self._filled = 0

    def feed(self, chunk: bytes) -> None:
        """Take in the next chunk; raises `UnreadableFile` or `TooLarge`."""
        for start in range(0, len(chunk), LINE_LIMIT_BYTES):
            self._feed(chunk[start : start + LINE_LIMIT_BYTES])

    def _feed(self, piece: bytes) -> None:
        if (at := piece.find(b"\x00")) >= 0:
            line = self._newlines + piece.count(b"\n", 0, at) + 1
            raise NulByte(f"Regel {line} bevat een NUL-teken; dat hoort niet in tekst. Bewaar het bestand opnieuw.")
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError as error:
            line = self._newlines + error.object.count(b"\n", 0, error.start) + 1
            raise NotText(f"Regel {line} is geen UTF-8; bewaar het bestand als 'CSV UTF-8'.") from error
        end = piece.find(b"\n")
        if self._since_newline + (end if end >= 0 else len(piece)) > LINE_LIMIT_BYTES:
            raise self._not_ours(f"Regel {self._newlines + 1} is langer dan {LINE_LIMIT_BYTES} tekens")
        self._since_newline = len(piece) - piece.rfind(b"\n") - 1 if end >= 0 else self._since_newline + len(piece)
        if self._format is None:
            self._first += piece
            if b"\n" in self._first:
                self._read_first_line()
        elif not self._filled:
            self._filled = len(piece.strip())
        self._newlines += piece.count(b"\n")
        if self._newlines > MAX_LINES + 1:
            raise TooLarge(f"Het bestand heeft meer dan {MAX_LINES} regels. Splits het in delen.", code="tooManyLines")

    def finish(self) -> FileFormat:
        """Give the format of the whole file; raises `UnreadableFile`."""
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            raise NotText(f"Regel {self._newlines + 1} breekt af in een teken; stuur het bestand opnieuw.") from error
        if self._format is None:
            self._read_first_line()
        assert self._format is not None
        if not self._filled:
            raise EmptyFile("Er staan geen overboekingen in het bestand.")
        return self._format

    def _read_first_line(self) -> None:
        first, _, rest = self._first.removeprefix(_BOM).partition(b"\n")
        line = first.decode().strip()
        if self._kind == "csv":
            self._format, self._filled = FileFormat("csv", _delimiter(line)), len(rest.strip())
            return
        if line and not line.startswith("{"):
            raise NotJsonLines("Regel 1 is geen JSON-object; stuur op elke regel één object, of stuur text/csv.")
        self._format, self._filled = FileFormat("jsonl", ""), len(line) + len(rest.strip())

    def _not_ours(self, what: str) -> UnreadableFile:
        return NotCsv(f"{what}: dit is geen CSV.") if self._kind == "csv" else NotJsonLines(f"{what}.")


def _delimiter(header: str) -> str:
    """Give the delimiter of a header line; raises `EmptyFile`, `NotCsv` or `WrongHeader`."""
    for delimiter in ";", ",":
        if tuple(cell.strip().strip('"') for cell in header.split(delimiter)) == COLUMNS:
            return delimiter
    expected = ";".join(COLUMNS)
    if not header:
        raise EmptyFile(f"Regel 1 is leeg; een CSV-bestand begint met de kopregel {expected}")
    if not header.isprintable() or not any(delimiter in header for delimiter in ";,"):
        raise NotCsv(f"Regel 1 is geen CSV; een CSV-bestand begint met de kopregel {expected}")
    shown = header if len(header) <= 120 else header[:120] + "…"
    raise WrongHeader(f"Regel 1 is '{shown}'; verwacht wordt '{expected}' (met ; of , ertussen).")


@dataclass(frozen=True, slots=True)
class PlainLines:
    """Lines of a CSV that follow each other, none of which needs a look of its own; they can be copied as they are.

    Each has the five fields, of which only the last two may be empty, and no line end.
    """

    first: int
    lines: Sequence[str]
    delimiter: str
    destinations: Sequence[str]

    def __iter__(self) -> Iterator[Line]:
        for number, line in enumerate(self.lines, start=self.first):
            destination, amount, grant_key, reference, explanation = line.split(self.delimiter)
            yield Line(number, destination, int(amount), grant_key, reference or None, explanation or None)


Some = PlainLines | Iterator[Line | Fault]


def read_lines(block: bytes, file_format: FileFormat, lines_before: int) -> tuple[int, Iterator[Some]]:
    """Give how many lines of the file a block of whole lines holds, and, some at a time, what the filled ones ask."""
    if lines_before == 0:
        block = block.removeprefix(_BOM)
    text = block.decode()
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    # Nearly always none in a whole block, and then no line has to be asked. (No byte of a longer character looks so.)
    controls = len(block) - len(block.translate(None, _CONTROLS))
    suspect = controls > 0 or block.count(b"\r") != block.count(b"\r\n")
    return len(lines), _read(lines, file_format, lines_before, suspect)


def _read(lines: Sequence[str], file_format: FileFormat, lines_before: int, suspect: bool) -> Iterator[Some]:
    may_be_plain = file_format.kind == "csv" and not suspect
    for start in range(0, len(lines), LINES_AT_ONCE):
        some, first = lines[start : start + LINES_AT_ONCE], lines_before + start + 1
        # The first have the header among them.
        plain = _plain(some, file_format.delimiter, first) if may_be_plain and first > 1 else None
        yield plain or _read_one_by_one(some, file_format, first, suspect)


def _plain(lines: Sequence[str], delimiter: str, first: int) -> PlainLines | None:
    """Give lines as they are when all are sure to be read as they stand, or None.

    So are the files that services write: five fields, nothing missing, no blank, quote or letter from afar. Asking that
    of all at once takes a third of the time that reading one by one takes.
    """
    text = "\n".join(lines)
    if "\r" in text:
        text = text.replace("\r", "")
        lines = text.split("\n")
    if not text.isascii() or '"' in text or " " in text or max(map(len, lines)) > MAX_TEXT:
        return None
    if any(line.count(delimiter) != len(COLUMNS) - 1 for line in lines):
        return None
    cells = text.replace("\n", delimiter).split(delimiter)
    destinations, amounts, grant_keys = (cells[at :: len(COLUMNS)] for at in range(3))
    if not (all(destinations) and all(grant_keys) and all(amounts) and "".join(amounts).isdigit()):
        return None
    if max(map(len, amounts)) > AMOUNT_DIGITS or min(map(int, amounts)) == 0:
        return None
    return PlainLines(first, lines, delimiter, destinations)


def _read_one_by_one(
    lines: Sequence[str], file_format: FileFormat, first: int, suspect: bool
) -> Iterator[Line | Fault]:
    is_csv, delimiter = file_format.kind == "csv", file_format.delimiter
    for number, raw in enumerate(lines, start=first):
        line = raw.strip()
        if not line or (is_csv and number == 1):
            continue
        if suspect and has_control(line):
            yield Fault(number, "malformed", "De regel bevat een stuurteken, zoals een tab.")
        elif not is_csv:
            cells = _json_cells(line)
            yield Fault(number, "malformed", cells) if isinstance(cells, str) else read_line(number, cells)
        elif '"' in line:
            try:
                cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
            except csv.Error:
                yield Fault(number, "malformed", "Een aanhalingsteken klopt niet of wordt niet gesloten.")
            else:
                yield read_line(number, cells)
        elif " " in line:
            yield read_line(number, [cell.strip() for cell in line.split(delimiter)])
        else:
            yield read_line(number, line.split(delimiter))


def _json_cells(line: str) -> list[str] | str:
    """Give the fields of a JSON object as the texts that a CSV would hold, or what is wrong with it."""
    try:
        item: Any = json.loads(line)
    except (ValueError, RecursionError):
        return "De regel is geen JSON."
    if not isinstance(item, dict):
        return "De regel is geen JSON-object."
    strange = item.keys() - set(COLUMNS)
    if strange:
        return "De regel heeft een veld dat er niet hoort."
    cells = []
    for name in COLUMNS:
        value = item.get(name)
        if name == "amount":
            # A number with a point, or a text, is no amount; it is told so in the words for amounts.
            value = str(value) if type(value) is int else json.dumps(value)
        elif value is None:
            value = ""
        elif not isinstance(value, str) or has_control(value) or (not value.isascii() and _has_half_character(value)):
            return f"{name} is geen tekst."
        cells.append(value.strip())
    return cells


def _has_half_character(text: str) -> bool:
    # JSON can write half a character (\ud800); no database can keep it.
    return any("\ud800" <= character <= "\udfff" for character in text)
