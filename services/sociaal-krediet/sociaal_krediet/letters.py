"""Letters to borrowers on paper."""

from __future__ import annotations

from datetime import UTC, datetime, time

from foundation.dutch import day_in_words
from foundation.money import euros
from foundation.paper import Paper
from sociaal_krediet.models import Loan
from sociaal_krediet.rules.reasons import Words


def settlement_letter(words: Words, loan: Loan, municipality: str) -> bytes:
    """Write down that a loan is settled: the words, and what became of the principal."""
    assert loan.settled_on is not None, "a loan that is still open has no settlement letter"
    paper = Paper(words.subject, municipality, datetime.combine(loan.settled_on, time(), UTC))
    paper.add_page()
    paper.write_text(paper.municipality, size=10, space_mm=4)
    paper.write_text(f"{municipality}, {day_in_words(loan.settled_on)}", space_mm=8)
    paper.write_text(words.subject, style="B", size=16, space_mm=4)
    for paragraph in words.text.split("\n\n"):
        paper.write_text(paragraph, size=11, space_mm=3)
    rows = [
        ("Geleend", f"€ {euros(loan.principal)}"),
        ("Terugbetaald", f"€ {euros(loan.repaid)}"),
        *([("Gift geworden", f"€ {euros(loan.remitted)}")] if loan.remitted else []),
        *([("Afgeboekt", f"€ {euros(loan.written_off)}")] if loan.written_off else []),
        ("Nog open", f"€ {euros(loan.outstanding)}"),
    ]
    paper.write_table((f"Lening {loan.number}", "Bedrag"), rows, (60, 40), ("LEFT", "RIGHT"))
    return bytes(paper.output())
