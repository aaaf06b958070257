"""Amounts and dates as people in the Netherlands write them."""

from __future__ import annotations

from datetime import date

from foundation import dutch
from foundation.money import euros

NO_BREAK = "\N{NO-BREAK SPACE}"


def amount_in_words(amount: int, asset: str) -> str:
    """Write the size of an amount, without its sign: 123456 EUR is `€ 1.234,56`, 40 LESSON is `40 lessen`.

    An asset that we have no word for keeps its code. The space does not break, so that the sign never stands alone at
    the end of a line.
    """
    if asset == "EUR":
        return f"€{NO_BREAK}{euros(abs(amount))}"
    unit = dutch.unit_in_words(asset, is_one=abs(amount) == 1)
    return f"{abs(amount):,}".replace(",", ".") + f"{NO_BREAK}{unit}"


def day(value: date | str) -> str:
    """Write a date in full: 2026-10-01 is `1 oktober 2026`."""
    given = date.fromisoformat(value) if isinstance(value, str) else value
    return dutch.day_in_words(given).replace(" ", NO_BREAK)


def quarters_in_words(text: str) -> str:
    """Write quarters inside a sentence as people say them: 2026-Q3 is `het 3e kwartaal van 2026`."""
    return dutch.quarters_in_words(text, NO_BREAK)
