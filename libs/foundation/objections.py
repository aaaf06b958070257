"""How one objects to a decision of the municipality (Awb): until when, and where to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays

from foundation.dutch import day_in_words

EXAMPLE_ADDRESS = "Gemeente Voorbeeldstad, afdeling Bezwaar, Postbus 1, 1234 AB Voorbeeldstad"


@dataclass(frozen=True, slots=True)
class Objection:
    """What stands under a decision: its number, until when one may object, and where to."""

    number: str
    until: date
    address: str


def object_until(decided_on: date, weeks: int) -> date:
    """Give the last day of the objection term, which begins on the day after the decision (Awb 6:7 and 6:8).

    A term does not end on a Saturday, a Sunday or a public holiday, but on the first day after it that is none
    (Algemene termijnenwet, article 1).
    """
    last = decided_on + timedelta(weeks=weeks)
    while last.weekday() >= 5 or last in _public_holidays(last.year):
        last += timedelta(days=1)
    return last


@lru_cache(maxsize=64)
def _public_holidays(year: int) -> frozenset[date]:
    # The law counts Good Friday and every fifth of May too (article 3), which most people have to work.
    days = holidays.country_holidays("NL", years=year, categories=(holidays.PUBLIC, holidays.OPTIONAL))
    return frozenset(days)


def objection_words(objection: Objection) -> str:
    """Say how one objects to a decision, and until when (Awb 3:45 and 6:5)."""
    return (
        f"Bent u het niet eens met dit besluit? Dan kunt u bezwaar maken tot en met {day_in_words(objection.until)}."
        f" Dat kost niets. Stuur een brief naar: {objection.address}. Schrijf in de brief uw naam, uw adres, de datum,"
        " het nummer van dit besluit en waarom u het niet eens bent. Zet uw handtekening eronder."
        f" Het nummer van dit besluit is {objection.number}."
    )
