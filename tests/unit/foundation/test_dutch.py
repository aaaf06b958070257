"""Dates and quarters in words."""

from __future__ import annotations

from datetime import date

from foundation.dutch import MONTHS, day_in_words, quarters_in_words


def test_a_date_is_written_in_full() -> None:
    assert day_in_words(date(2026, 10, 1)) == "1 oktober 2026"
    assert day_in_words(date(2024, 2, 29)) == "29 februari 2024"
    assert [day_in_words(date(2026, month, 3)) for month in range(1, 13)] == [f"3 {name} 2026" for name in MONTHS]


def test_quarters_inside_a_sentence_are_written_as_people_say_them() -> None:
    assert quarters_in_words("van 2026-Q3 tot 2027-Q1.") == (
        "van het 3e kwartaal van 2026 tot het 1e kwartaal van 2027."
    )
    assert quarters_in_words("in 2026-Q3", "_") == "in het 3e kwartaal van_2026"
    assert quarters_in_words("factuur 12026-Q2 en 2026-Q5") == "factuur 12026-Q2 en 2026-Q5"
