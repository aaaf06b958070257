"""Files of rows: call records, approved numbers and bills. What is done with each kind is said by its own action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from belkosten.actions import invoices, numbers, records
from belkosten.models import FileImport, FileImportRow
from belkosten.queries.invoices import MAY_TAKE_FILE
from belkosten.rules import bill_lines
from foundation import file_work
from foundation.file_work import Arrived, ChunkResult, FileWork
from foundation.row_files import Columns, RawRow

CALL_RECORDS = "callRecords"
NUMBERS = "numbers"
INVOICE = "invoice"


@dataclass(frozen=True, slots=True)
class FileKind:
    """What is done with one kind of file; `drops` throws its bytes away once it is worked through."""

    columns: Columns
    take_in: Callable[[Session, FileImport, list[RawRow]], ChunkResult]
    drops: bool


KINDS: Mapping[str, FileKind] = {
    # Dialled numbers: forgotten as soon as the calls are rated, also those of a file that was refused.
    CALL_RECORDS: FileKind(records.COLUMNS, records.take_in, drops=True),
    NUMBERS: FileKind(numbers.COLUMNS, numbers.take_in, drops=True),
    INVOICE: FileKind(bill_lines.COLUMNS, invoices.take_in, drops=True),
}

FILES: FileWork[FileImport] = FileWork(
    file=FileImport,
    row=FileImportRow,
    columns=lambda file: KINDS[file.kind].columns,
    take_in=lambda db, file, chunk: KINDS[file.kind].take_in(db, file, chunk),
    may_take=MAY_TAKE_FILE,
    drops=lambda file: KINDS[file.kind].drops,
)
"""What belkosten does with files of rows."""


def receive_file(db: Session, kind: str, arrived: Arrived, sender: str, actor: str) -> FileImport:
    """Take a file in for somebody (`sender`, an id); it is worked through afterwards."""
    return file_work.receive_file(db, FILES, arrived, source=f"{kind}/{sender}", actor=actor, kind=kind, sender=sender)
