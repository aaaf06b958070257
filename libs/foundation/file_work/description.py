"""What a service says about its files of rows, and what its chunks come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlmodel import Session

from foundation.file_work.models import FileImportBase, FileImportRowBase
from foundation.inbox import Upload
from foundation.row_files import Columns, RawRow, ReceivedFile

File = TypeVar("File", bound=FileImportBase)

Outcome = tuple[int, str, str | None, str | None]
"""A row that was not accepted: its number, `known` or `refused`, and for a refused one code and message."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that came in, looked at and not yet kept; how its sender wants it worked through."""

    upload: Upload
    file: ReceivedFile
    dry_run: bool = False
    partial: bool = False


@dataclass(slots=True)
class ChunkResult:
    """What one chunk of rows came to: how many were accepted, and each that was not."""

    accepted: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def known(self) -> int:
        return sum(1 for outcome in self.outcomes if outcome[1] == "known")

    @property
    def refused(self) -> int:
        return len(self.outcomes) - self.known


def _keeps(_: FileImportBase) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWork(Generic[File]):
    """What a service does with its files of rows.

    `file` and `row` are its tables of files and of the rows that were not accepted. `columns` says which columns a file
    has. `take_in` judges a chunk of rows in their order and writes down those that count, inside the transaction that it
    is given: it is called again, on a clean slate, when somebody else came in between. `may_take` is a condition in SQL
    on the file `f`: which files may be taken up now. `drops` says of which files the bytes are thrown away once they are
    finished, whatever became of them; those of a dry run always are.
    """

    file: type[File]
    row: type[FileImportRowBase]
    columns: Callable[[File], Columns]
    take_in: Callable[[Session, File, list[RawRow]], ChunkResult]
    may_take: str = "true"
    drops: Callable[[File], bool] = _keeps
    chunk_rows: int = 5_000
