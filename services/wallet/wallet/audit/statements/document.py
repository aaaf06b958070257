"""A statement on paper: what its purses held, every entry, and the seals to check them by."""

from __future__ import annotations

from datetime import UTC, datetime, time

from foundation.dutch import day_in_words, quarters_in_words
from foundation.paper import Paper
from wallet.audit.statements.actions import Statement
from wallet.audit.statements.rules import Line, PurseStatement, amount_in_words, purse_in_words

_COLUMNS = (20, 56, 52, 26, 26)
_SEAL_COLUMNS = (24, 12, 144)
_HEADINGS = ("Datum", "Omschrijving", "Kenmerk", "Bedrag", "Saldo")
_SEAL_HEADINGS = ("Boeking", "Blok", "Vingerafdruk (SHA-256)")
_CHECK = (
    "Elke boeking op dit afschrift is verzegeld. Vraag bij de gemeente het bewijs van een boeking op met haar nummer: "
    "de vingerafdruk in het bewijs moet dezelfde zijn als hieronder, en de kop van het blok dezelfde als in het register "
    "dat de gemeente buiten haar grootboek bewaart."
)

_CHECK_TOTALS = (
    "Gesprekken staan hier per maand opgeteld: hun vingerafdruk is die (SHA-256) van de vingerafdrukken van alle opgetelde "
    "boekingen achter elkaar, in de volgorde van het potje. De controleur van de gemeente ziet die boekingen en rekent haar na."
)


def pdf(statement: Statement, municipality: str) -> bytes:
    """Write a statement on paper."""
    paper = _Paper(statement, municipality)
    paper.add_page()
    paper.write_heading()
    for purse in statement.purses:
        paper.write_purse(purse)
    if not statement.purses:
        paper.write_text("In deze periode staat er niets op uw potjes.")
    if any(purse.lines for purse in statement.purses):
        paper.write_seals()
    return bytes(paper.output())


class _Paper(Paper):
    """The pages of one statement."""

    def __init__(self, statement: Statement, municipality: str) -> None:
        # Of the seal, not of this moment: the same content has the same bytes.
        made = statement.block.sealed_at if statement.block else datetime.combine(statement.period.first, time(), UTC)
        super().__init__(f"Afschrift over {quarters_in_words(str(statement.period.quarter))}", municipality, made)
        self._statement = statement

    def write_heading(self) -> None:
        period = self._statement.period
        self.write_text(self.municipality, size=10, space_mm=4)
        self.start_section("Afschrift")
        self.write_text(f"Afschrift over {quarters_in_words(str(period.quarter))}", style="B", size=16, space_mm=2)
        self.write_text(self._statement.display_name, style="B", size=11)
        self.write_text(f"Pashouder {self._statement.holder_id}")
        if period.last >= period.first:
            self.write_text(f"Van {day_in_words(period.first)} tot en met {day_in_words(period.last)}")
        if period.provisional:
            begun = "is nog niet voorbij" if period.last >= period.first else "is nog niet begonnen"
            self.write_text(f"Voorlopig: dit kwartaal {begun} (stand op {day_in_words(period.last)}).", style="B")
        self.ln(4)

    def write_purse(self, purse: PurseStatement) -> None:
        """Write the balance before, every entry and the balance after."""

        def amount(value: int, sign: bool = False) -> str:
            return amount_in_words(value, purse.asset, purse.scale, sign)

        name = purse_in_words(purse.purse)
        self.start_section(self.printable(name))
        self.write_text(name, style="B", size=12, space_mm=1)
        rows = [
            (
                f"{line.value_date:%d-%m-%Y}",
                f"{quarters_in_words(line.explanation)} ({_entries_in_words(line)})",
                line.reference or "",
                amount(line.amount, sign=True),
                amount(line.balance),
            )
            for line in purse.lines
        ]
        opening = ("", "Beginsaldo", "", "", amount(purse.opening))
        closing = ("", "Eindsaldo", "", "", amount(purse.closing))
        self.write_table(_HEADINGS, [opening, *rows, closing], _COLUMNS, ("LEFT", "LEFT", "LEFT", "RIGHT", "RIGHT"))
        self.ln(6)

    def write_seals(self) -> None:
        """Write the appendix: the leaf hash of every entry, whole."""
        self.start_section("Controle")
        self.write_text("Controle", style="B", size=12, space_mm=1)
        lines = [line for purse in self._statement.purses for line in purse.lines]
        self.write_text(_CHECK, space_mm=2)
        if any(line.is_total for line in lines):
            self.write_text(_CHECK_TOTALS, space_mm=2)
        rows = [(line.id, str(line.block), line.leaf.hex()) for line in lines]
        self.write_table(_SEAL_HEADINGS, rows, _SEAL_COLUMNS, ("LEFT", "RIGHT", "LEFT"))

    def foot(self) -> tuple[str, ...]:
        """Say up to which block the statement goes, with the whole header of that block."""
        block = self._statement.block
        return (f"Tot en met blok {block.number}, kop {block.header.hex()}" if block else "Er is nog niets verzegeld",)


def _entries_in_words(line: Line) -> str:
    if not line.is_total:
        return line.id
    return f"{line.id}: {line.entries} {'boeking' if line.entries == 1 else 'boekingen'} opgeteld"
