"""TARGET closing days of 2026 to 2028, against Easter computed here by another way (rules, section 0)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from foundation.target_days import is_target_day, next_target_day


def easter(year: int) -> date:
    """Give Easter Sunday by the anonymous Gregorian algorithm (Meeus, Jones, Butcher)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    leap = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * leap) // 451
    month, day = divmod(h + leap - 7 * m + 114, 31)
    return date(year, month, day + 1)


def closing_days(year: int) -> set[date]:
    sunday = easter(year)
    return {
        date(year, 1, 1),
        sunday - timedelta(days=2),
        sunday + timedelta(days=1),
        date(year, 5, 1),
        date(year, 12, 25),
        date(year, 12, 26),
    }


def test_easter_falls_where_everybody_knows_it_fell() -> None:
    assert [easter(year) for year in (2024, 2025, 2026, 2027, 2028)] == [
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
        date(2028, 4, 16),
    ]


@pytest.mark.parametrize("year", [2026, 2027, 2028])
def test_every_day_of_the_year_is_open_or_closed_as_the_table_says(year: int) -> None:
    closed = closing_days(year)
    day = date(year, 1, 1)
    while day.year == year:
        assert is_target_day(day) == (day.weekday() < 5 and day not in closed), day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("quarter_begins", "first_payment_day"),
    [
        (date(2026, 10, 1), date(2026, 10, 1)),
        (date(2027, 1, 1), date(2027, 1, 4)),
        (date(2027, 4, 1), date(2027, 4, 1)),
        (date(2027, 7, 1), date(2027, 7, 1)),
    ],
)
def test_the_first_payment_day_of_a_quarter(quarter_begins: date, first_payment_day: date) -> None:
    assert next_target_day(quarter_begins) == first_payment_day


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2026, 4, 3), date(2026, 4, 7)),  # Good Friday to the Tuesday after Easter
        (date(2026, 5, 1), date(2026, 5, 4)),  # a Friday
        (date(2026, 12, 25), date(2026, 12, 28)),
        (date(2026, 7, 1), date(2026, 7, 1)),
    ],
)
def test_a_closed_day_gives_the_first_open_one_after_it(day: date, following: date) -> None:
    assert next_target_day(day) == following
