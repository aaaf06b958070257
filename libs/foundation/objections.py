"""How one objects to a decision of the municipality (Awb): until when, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from foundation.dutch import day_in_words

EXAMPLE_ADDRESS = "Gemeente Voorbeeldstad, afdeling Bezwaar, Postbus 1, 1234 AB Voorbeeldstad"


@dataclass(frozen=True, slots=True)
class Objection:
    """What stands under a decision: its number, until when one may object, and where to."""

    number: str
    until: date
    address: str


def object_until(decided_on: date, weeks: int) -> date:
    """Give the last day of the objection term, which begins on the day after the decision (Awb 6:7 and 6:8)."""
    return decided_on + timedelta(weeks=weeks)


def objection_words(objection: Objection) -> str:
    """Say how one objects to a decision, and until when (Awb 3:45 and 6:5)."""
    return (
        f"Bent u het niet eens met dit besluit? Dan kunt u bezwaar maken tot en met {day_in_words(objection.until)}."
        f" Dat kost niets. Stuur een brief naar: {objection.address}. Schrijf in de brief uw naam, uw adres, de datum,"
        " het nummer van dit besluit en waarom u het niet eens bent. Zet uw handtekening eronder."
        f" Het nummer van dit besluit is {objection.number}."
    )
