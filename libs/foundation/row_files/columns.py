"""What one kind of file holds, and one row of it as it stands there."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.row_files.refusals import NotCsvOrJson, WrongHeader


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one kind of file, in their order, as its header and its JSON items name them.

    `content` is the Dutch word for what the rows are. `numbers` are the columns that in JSON may be a number as well as
    a text. So many of the last columns as `optional_last` says may be left out of a CSV, by its header and so by every
    row. `free_text_limit` is how many characters the last column has at most when it is free text, which may run over
    several lines; 0: there is no free text, and every record stands on one line.
    """

    names: tuple[str, ...]
    content: str
    numbers: frozenset[str] = frozenset()
    optional_last: int = 0
    free_text_limit: int = 0

    def __post_init__(self) -> None:
        assert len(set(self.names)) == len(self.names) > self.optional_last >= 0
        assert self.numbers <= set(self.names)


@dataclass(frozen=True, slots=True)
class RawRow:
    """The texts of one row as they stand in the file, one for each column and not trimmed; what is not there is empty.

    `row` is the line in the file on which the row begins, the header being line 1; in JSON the index + 1. `problem`
    says in Dutch why the row could not be taken apart; its cells may be empty then.
    """

    row: int
    cells: tuple[str, ...]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """What a CSV's first line says: what stands between the fields, and how many there are."""

    delimiter: str
    width: int


def read_header(first_line: str, columns: Columns) -> Header:
    """Read the header of a CSV; raises `WrongHeader` or `NotCsvOrJson`."""
    line = first_line.removeprefix("\ufeff").strip()
    for delimiter in ";", ",":
        found = tuple(cell.strip().strip('"') for cell in line.split(delimiter))
        if found == columns.names[: len(found)] and len(found) >= len(columns.names) - columns.optional_last:
            return Header(delimiter, len(found))
    expected = ";".join(columns.names)
    if not line.isprintable() or not any(delimiter in line for delimiter in ";,"):
        raise NotCsvOrJson(f"Dit is geen CSV en geen JSON. Een CSV-bestand begint met de kopregel {expected}")
    # A line with digits is a row, whose fields may be about a person: only what can be names of columns is repeated.
    is_shown = len(line) <= 120 and not any(character.isdigit() for character in line)
    said = f"is '{line}'" if is_shown else "ontbreekt of heeft andere namen"
    raise WrongHeader(f"De kopregel {said}; verwacht wordt '{expected}' (met ; of , ertussen).")
