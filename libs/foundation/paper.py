"""What goes on paper: PDF/A-2u, fonts within, Dutch as its language, and the same bytes for the same content.

fpdf2 writes no tags for tables; who cannot read the paper gets the same content as JSON.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import fontpkg
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace, TTFFont
from fpdf.prefs import ViewerPreferences

FONT = "Lato"
_WEIGHTS = {"": 400, "B": 700}
_LINE_MM = 5
_NO_SIGN = "?"
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


class Paper(FPDF):
    """The pages of one document of a municipality; `made` is when its content became what it is."""

    def __init__(self, title: str, municipality: str, made: datetime) -> None:
        super().__init__(format="A4", enforce_compliance="PDF/A-2U")
        for style, weight in _WEIGHTS.items():
            self.add_font(FONT, style, fontpkg.path(FONT, weight))
        font = self.fonts[FONT.lower()]
        assert isinstance(font, TTFFont)
        self._known = set(font.cmap)
        self.municipality = self.printable(municipality)
        self.set_lang("nl")
        self.set_title(title)
        self.set_author(self.municipality)
        self.viewer_preferences = ViewerPreferences(display_doc_title=True)
        # Of the content, not of this moment: the same content has the same bytes.
        made = made.astimezone(UTC).replace(microsecond=0)
        self.set_creation_date(made)
        self.set_xmp_metadata(
            _XMP.format(made=made.isoformat(), title=escape(str(self.title)), author=escape(self.municipality))
        )
        self.set_margins(15, 15)
        self.set_auto_page_break(True, margin=24)
        self.set_font(FONT, size=9)

    def printable(self, text: str) -> str:
        """Give a text of signs that the font has: an archive may not hold a sign without a shape."""
        composed = unicodedata.normalize("NFC", text)
        return "".join(sign if ord(sign) in self._known else _NO_SIGN for sign in composed)

    def write_text(self, text: str, *, style: str = "", size: float = 9, space_mm: float = 0) -> None:
        """Write a paragraph over the whole width."""
        self.set_font(FONT, style, size)
        paragraph = "\n".join(self.printable(line) for line in text.split("\n"))
        self.multi_cell(0, _LINE_MM * size / 9, paragraph, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.set_font(FONT, size=9)
        self.ln(space_mm)

    def write_table(
        self,
        headings: tuple[str, ...],
        rows: Iterable[tuple[str, ...]],
        widths: tuple[int, ...],
        aligned: tuple[str, ...],
    ) -> None:
        """Write a table; `widths` in mm, `aligned` per column LEFT or RIGHT."""
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
                    written.cell(self.printable(cell))

    def foot(self) -> tuple[str, ...]:
        """Give what stands at the foot of every page, above its number."""
        return ()

    def footer(self) -> None:
        """Say on every page whose it is and which page it is; called by the library."""
        self.set_y(-20)
        self.set_font(FONT, size=7.5)
        for line in self.foot():
            self.cell(0, 4, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.cell(0, 4, f"{self.municipality} · bladzijde {self.page_no()} van {{nb}}")
        self.set_font(FONT, size=9)
