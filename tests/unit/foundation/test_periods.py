"""Quarters and months as values."""

from __future__ import annotations

from datetime import date

import pytest

from foundation.periods import Month, Quarter


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


def test_a_month_knows_its_days_and_the_next() -> None:
    month = Month.parse("2028-02")
    assert (month.start, month.end) == (date(2028, 2, 1), date(2028, 2, 29))
    assert [str(month.next()), str(Month.parse("2026-12").next())] == ["2028-03", "2027-01"]
    assert Month.of(date(2026, 9, 30)) == Month(2026, 9) < Month(2026, 10) < Month(2027, 1)


@pytest.mark.parametrize(
    "text", ["2026-00", "2026-13", "2026-9", "2026-009", "202609", " 2026-09", "2026-09\n", "0000-01", "", "٢٠٢٦-٠٩"]
)
def test_other_ways_of_writing_a_month_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Month.parse(text)


def test_there_is_no_month_outside_the_calendar() -> None:
    assert (Month.parse("0001-01").start, Month.parse("9999-12").end) == (date(1, 1, 1), date(9999, 12, 31))
    for year, number in ((2026, 0), (2026, 13), (0, 1), (10_000, 1)):
        with pytest.raises(ValueError):
            Month(year, number)
