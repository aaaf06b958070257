"""Amounts and dates as people in the Netherlands write them."""

from __future__ import annotations

import re
from datetime import date

from foundation.money import euros

NO_BREAK = "\N{NO-BREAK SPACE}"
MONTHS = (
    "januari",
    "februari",
    "maart",
    "april",
    "mei",
    "juni",
    "juli",
    "augustus",
    "september",
    "oktober",
    "november",
    "december",
)


_QUARTER = re.compile(r"\b(\d{4})-Q([1-4])\b")


def amount_in_words(amount: int, asset: str) -> str:
    """Write the size of an amount, without its sign: 123456 EUR is `€ 1.234,56`; what is no money keeps its code.

    The space does not break, so that the sign never stands alone at the end of a line.
    """
    if asset == "EUR":
        return f"€{NO_BREAK}{euros(abs(amount))}"
    return f"{abs(amount):,}".replace(",", ".") + f"{NO_BREAK}{asset}"


def day(value: date | str) -> str:
    """Write a date in full: 2026-10-01 is `1 oktober 2026`."""
    given = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{given.day}{NO_BREAK}{MONTHS[given.month - 1]}{NO_BREAK}{given.year}"


def quarters_in_words(text: str) -> str:
    """Write quarters inside a sentence as people say them: 2026-Q3 is `het 3e kwartaal van 2026`."""
    return _QUARTER.sub(rf"het \2e kwartaal van{NO_BREAK}\1", text)
