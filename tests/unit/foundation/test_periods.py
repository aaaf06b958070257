"""Quarters as values."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.periods import Quarter


def test_a_quarter_knows_its_days_and_its_neighbours() -> None:
    quarter = Quarter.parse("2026-Q3")
    assert (quarter.start, quarter.end) == (date(2026, 7, 1), date(2026, 9, 30))
    assert str(quarter.next()) == "2026-Q4"
    assert str(quarter.next().next()) == "2027-Q1"
    assert str(Quarter.parse("2026-Q1").previous()) == "2025-Q4"


@pytest.mark.parametrize(
    "text",
    ["2026-Q0", "2026-Q5", "2026Q3", "2026-q3", " 2026-Q3", "2026-Q3\n", "26-Q3", "02026-Q3", "0000-Q1", "", "٢٠٢٦-Q3"],
)
def test_other_ways_of_writing_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Quarter.parse(text)


def test_quarters_are_ordered_by_time() -> None:
    assert Quarter(2025, 4) < Quarter(2026, 1) < Quarter(2026, 2)
    assert max(Quarter(2026, 1), Quarter(2025, 4)) == Quarter(2026, 1)


def test_the_last_quarter_that_there_is_ends_too() -> None:
    assert Quarter.parse("9999-Q4").end == date(9999, 12, 31)
    assert Quarter.parse("0001-Q1").start == date(1, 1, 1)


def test_there_is_no_quarter_outside_the_calendar() -> None:
    with pytest.raises(ValueError):
        Quarter(9999, 4).next()
    with pytest.raises(ValueError):
        Quarter(1, 1).previous()
