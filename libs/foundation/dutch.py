"""Dates, quarters and units as people in the Netherlands write them."""

from __future__ import annotations

import re
from datetime import date

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

_UNITS = {
    "SECOND": ("seconde", "seconden"),
    "POINT": ("punt", "punten"),
    "LESSON": ("les", "lessen"),
    "PIECE": ("stuk", "stuks"),
}

_QUARTER = re.compile(r"\b(\d{4})-Q([1-4])\b")


def day_in_words(day: date) -> str:
    """Write a date in full: 2026-10-01 is `1 oktober 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def quarters_in_words(text: str, space: str = " ") -> str:
    """Write quarters inside a sentence as people say them: 2026-Q3 is `het 3e kwartaal van 2026`.

    `space` stands before the year; one that does not break keeps the year on the line of its `van`.
    """
    return _QUARTER.sub(rf"het \2e kwartaal van{space}\1", text)


def unit_in_words(asset: str, *, is_one: bool) -> str:
    """Name what is counted: one LESSON is a `les`, more or none are `lessen`; what we have no word for keeps its code."""
    one, several = _UNITS.get(asset, (asset, asset))
    return one if is_one else several
