"""Reading files of rows as people and programs send them, CSV of many kinds and JSON, in flat memory.

CSV has the names of its columns on its first line, `;` or `,` between the fields, unix or DOS line ends, and is UTF-8
(with or without BOM) or Windows-1252. JSON is `{"items": [{…}, …]}`. Whether a file is UTF-8 or Windows-1252 can only
be told at its end, so a file is read twice: once while it arrives (`FileInspection`), once for its rows (`read_rows`).
Which columns there are, each kind of file says for itself (`Columns`).

>>> columns = Columns(("id", "hours", "remark"), "uren", numbers=frozenset({"hours"}), free_text_limit=200)
>>> inspection = FileInspection(columns)
>>> inspection.feed(b"id;hours;remark\\na1;2,75;caf\\xe9\\n")
>>> received = inspection.finish()
>>> received.media_type
'csv|;|cp1252'
>>> list(read_rows([b"id;hours;remark\\na1;2,75;caf\\xe9\\n"], received, columns))
[RawRow(row=2, cells=('a1', '2,75', 'café'), problem=None)]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from foundation.row_files.columns import Columns, RawRow
from foundation.row_files.csv_rows import read_csv
from foundation.row_files.inspection import (
    Encoding,
    FileFormat,
    FileInspection,
    ReceivedFile,
    detect_encoding,
    sniff,
)
from foundation.row_files.json_items import read_json
from foundation.row_files.refusals import (
    EmptyFile,
    InvalidJson,
    NotCsvOrJson,
    NotText,
    NulByte,
    UnreadableFile,
    WrongHeader,
)

__all__ = [
    "Columns",
    "EmptyFile",
    "Encoding",
    "FileFormat",
    "FileInspection",
    "InvalidJson",
    "NotCsvOrJson",
    "NotText",
    "NulByte",
    "RawRow",
    "ReceivedFile",
    "UnreadableFile",
    "WrongHeader",
    "detect_encoding",
    "read_csv",
    "read_json",
    "read_rows",
    "sniff",
]


def read_rows(chunks: Iterable[bytes], file: ReceivedFile, columns: Columns) -> Iterator[RawRow]:
    """Read the rows of a file that was inspected; raises `UnreadableFile`, for JSON possibly half way."""
    if file.format.kind == "json":
        return read_json(chunks, columns)
    return read_csv(chunks, file.encoding, columns)
