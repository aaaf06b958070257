"""A statement as PDF/A-2u: fonts within, Dutch as its language, and the same bytes for the same content.

fpdf2 writes no tags for tables; who cannot read the paper gets the same content as JSON.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, time
from xml.sax.saxutils import escape

import fontpkg
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace, TTFFont
from fpdf.prefs import ViewerPreferences

from foundation.dutch import day_in_words, quarters_in_words
from wallet.audit.statements.actions import Statement
from wallet.audit.statements.rules import PurseStatement, amount_in_words, purse_in_words

_FONT = "Lato"
_WEIGHTS = {"": 400, "B": 700}
_COLUMNS = (20, 56, 52, 26, 26)
_SEAL_COLUMNS = (24, 12, 144)
_HEADINGS = ("Datum", "Omschrijving", "Kenmerk", "Bedrag", "Saldo")
_SEAL_HEADINGS = ("Boeking", "Blok", "Vingerafdruk (SHA-256)")
_LINE_MM = 5
_NO_SIGN = "?"
_CHECK = (
    "Elke boeking op dit afschrift is verzegeld. Vraag bij de gemeente het bewijs van een boeking op met haar nummer: "
    "de vingerafdruk in het bewijs moet dezelfde zijn als hieronder, en de kop van het blok dezelfde als in het register "
    "dat de gemeente buiten haar grootboek bewaart."
)
# The library's own would say that the paper was changed at this moment.
_XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
      xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
    <rdf:Description rdf:about="" xmp:CreateDate="{made}" xmp:ModifyDate="{made}" xmp:MetadataDate="{made}">
      <pdfaid:part>2</pdfaid:part>
      <pdfaid:conformance>U</pdfaid:conformance>
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
      <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
      <dc:language><rdf:Bag><rdf:li>nl</rdf:li></rdf:Bag></dc:language>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>"""


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


class _Paper(FPDF):
    """The pages of one statement."""

    def __init__(self, statement: Statement, municipality: str) -> None:
        super().__init__(format="A4", enforce_compliance="PDF/A-2U")
        self._statement = statement
        for style, weight in _WEIGHTS.items():
            self.add_font(_FONT, style, fontpkg.path(_FONT, weight))
        font = self.fonts[_FONT.lower()]
        assert isinstance(font, TTFFont)
        self._known = set(font.cmap)
        self._municipality = self._printable(municipality)
        self.set_lang("nl")
        self.set_title(f"Afschrift over {quarters_in_words(str(statement.period.quarter))}")
        self.set_author(self._municipality)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        # Of the seal, not of this moment: the same content has the same bytes.
        made = statement.block.sealed_at if statement.block else datetime.combine(statement.period.first, time(), UTC)
        made = made.astimezone(UTC).replace(microsecond=0)
        self.set_creation_date(made)
        self.set_xmp_metadata(
            _XMP.format(made=made.isoformat(), title=escape(str(self.title)), author=escape(self._municipality))
        )
        self.set_margins(15, 15)
        self.set_auto_page_break(True, margin=24)
        self.set_font(_FONT, size=9)

    def _printable(self, text: str) -> str:
        """Give a text of signs that the font has: an archive may not hold a sign without a shape."""
        composed = unicodedata.normalize("NFC", text)
        return "".join(sign if ord(sign) in self._known else _NO_SIGN for sign in composed)

    def write_text(self, text: str, *, style: str = "", size: float = 9, space_mm: float = 0) -> None:
        self.set_font(_FONT, style, size)
        self.multi_cell(0, _LINE_MM * size / 9, self._printable(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.set_font(_FONT, size=9)
        self.ln(space_mm)

    def write_heading(self) -> None:
        period = self._statement.period
        self.write_text(self._municipality, size=10, space_mm=4)
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
        self.start_section(self._printable(name))
        self.write_text(name, style="B", size=12, space_mm=1)
        rows = [
            (
                f"{line.value_date:%d-%m-%Y}",
                f"{quarters_in_words(line.explanation)} ({line.id})",
                line.reference or "",
                amount(line.amount, sign=True),
                amount(line.balance),
            )
            for line in purse.lines
        ]
        opening = ("", "Beginsaldo", "", "", amount(purse.opening))
        closing = ("", "Eindsaldo", "", "", amount(purse.closing))
        self._write_table(_HEADINGS, [opening, *rows, closing], _COLUMNS, ("LEFT", "LEFT", "LEFT", "RIGHT", "RIGHT"))
        self.ln(6)

    def write_seals(self) -> None:
        """Write the appendix: the leaf hash of every entry, whole."""
        self.start_section("Controle")
        self.write_text("Controle", style="B", size=12, space_mm=1)
        self.write_text(_CHECK, space_mm=2)
        rows = [(line.id, str(line.block), line.leaf.hex()) for purse in self._statement.purses for line in purse.lines]
        self._write_table(_SEAL_HEADINGS, rows, _SEAL_COLUMNS, ("LEFT", "RIGHT", "LEFT"))

    def _write_table(
        self,
        headings: tuple[str, ...],
        rows: Iterable[tuple[str, ...]],
        widths: tuple[int, ...],
        aligned: tuple[str, ...],
    ) -> None:
        with self.table(
            col_widths=widths,
            text_align=aligned,
            line_height=_LINE_MM,
            borders_layout="HORIZONTAL_LINES",
            headings_style=FontFace(emphasis="BOLD"),
        ) as table:
            for cells in (headings, *rows):
                written = table.row()
                for cell in cells:
                    written.cell(self._printable(cell))

    def footer(self) -> None:
        """Say on every page up to which block it goes, with the whole header of that block."""
        block = self._statement.block
        self.set_y(-20)
        self.set_font(_FONT, size=7.5)
        as_of = f"Tot en met blok {block.number}, kop {block.header.hex()}" if block else "Er is nog niets verzegeld"
        self.cell(0, 4, as_of, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(0, 4, f"{self._municipality} · bladzijde {self.page_no()} van {{nb}}")
        self.set_font(_FONT, size=9)
