"""Looking at a file while it arrives: what kind it is, how its characters are written, whether it can be read."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from foundation.row_files.columns import Columns, read_header
from foundation.row_files.refusals import EmptyFile, NotCsvOrJson, NotText, NulByte

Encoding = Literal["utf-8-sig", "cp1252"]

SNIFF_BYTES = 4096

_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_NOT_IN_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What kind of file it is; the delimiter is empty for JSON."""

    kind: Literal["csv", "json"]
    delimiter: str


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What was found about a whole file while it came in."""

    format: FileFormat
    encoding: Encoding

    @property
    def media_type(self) -> str:
        """How format and encoding are kept with the file."""
        return f"{self.format.kind}|{self.format.delimiter}|{self.encoding}"

    @classmethod
    def of(cls, media_type: str) -> ReceivedFile:
        kind, delimiter, encoding = media_type.split("|")
        return cls(FileFormat(kind, delimiter), encoding)  # type: ignore[arg-type]


def sniff(first_bytes: bytes, columns: Columns) -> FileFormat:
    """Tell the format from the first `SNIFF_BYTES` of a file, or less; raises `UnreadableFile`."""
    if first_bytes.startswith(b"PK\x03\x04"):
        raise NotCsvOrJson("Dit is een Excel- of zip-bestand; bewaar het werkblad als CSV en stuur dat.")
    if first_bytes.startswith(_UTF16_BOMS):
        raise NotText("Dit bestand is UTF-16; bewaar het als 'CSV UTF-8' en stuur dat.")
    if b"\x00" in first_bytes:
        raise NulByte.found()
    text = first_bytes.removeprefix(_BOM)
    if not text.strip():
        raise EmptyFile(f"Het bestand is leeg; stuur een bestand met een kopregel en {columns.content}.")
    if text.lstrip().startswith((b"{", b"[")):
        return FileFormat("json", "")
    first_line = text.split(b"\n", 1)[0].decode("utf-8", errors="replace")
    return FileFormat("csv", read_header(first_line, columns).delimiter)


class FileInspection:
    """Looks at a file while it arrives, chunk by chunk; refuses as soon as it cannot be read."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
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
            raise NulByte.found()
        if self._utf8 is not None:
            try:
                self._utf8.decode(chunk)
            except UnicodeDecodeError:
                self._utf8 = None
        self._cp1252 = self._cp1252 and not any(byte in chunk for byte in _NOT_IN_CP1252)

    def finish(self) -> ReceivedFile:
        """Give format and encoding of the whole file; raises `UnreadableFile`."""
        found = self._format or self._sniff()
        if self._utf8 is not None:
            try:
                self._utf8.decode(b"", final=True)
            except UnicodeDecodeError:
                self._utf8 = None
        if self._utf8 is not None:
            return ReceivedFile(found, "utf-8-sig")
        if found.kind == "json":
            raise NotText("JSON moet UTF-8 zijn, en dit bestand is dat niet; bewaar het als UTF-8.")
        if self._has_bom or not self._cp1252:
            raise NotText("De tekens van dit bestand zijn UTF-8 noch Windows-1252; bewaar het als 'CSV UTF-8'.")
        return ReceivedFile(found, "cp1252")

    def _sniff(self) -> FileFormat:
        self._format = sniff(self._first, self._columns)
        self._has_bom = self._first.startswith(_BOM)
        return self._format


def detect_encoding(chunks: Iterable[bytes], columns: Columns) -> Encoding:
    """Tell the encoding of a file that is there in full; raises `UnreadableFile` where it cannot be read."""
    inspection = FileInspection(columns)
    for chunk in chunks:
        inspection.feed(chunk)
    return inspection.finish().encoding
