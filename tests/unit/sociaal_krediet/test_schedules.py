"""Instalments and the days they are due (SK-2, SK-3, SK-4)."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from foundation.money import Cents
from sociaal_krediet.rules.schedules import (
    default_first_due,
    due_on,
    first_month_after,
    refusal_of_terms,
    schedule,
    split,
)


@pytest.mark.parametrize(
    ("amount", "months", "part", "last"),
    [
        (175000, 36, 4861, 4865),
        (250000, 36, 6944, 6960),
        (100000, 24, 4167, 4159),
        (10000, 7, 1429, 1426),
        (175000, 1, 0, 175000),
        (100, 2, 50, 50),
        (101, 2, 51, 50),
        # 1.57 rounds to 2 cents, of which six would leave less than nothing: rounded down.
        (11, 7, 1, 5),
        # 1.5 rounds to 2 cents, of which three leave nothing: rounded down.
        (6, 4, 1, 3),
        # 1.5 rounds to 2 cents, of which one is left: still above 0.
        (3, 2, 2, 1),
        (36, 36, 1, 1),
        # 1.39 rounds to 1 cent; the last one takes what 35 others leave.
        (50, 36, 1, 15),
        # 1.5 rounds to 2 cents, of which 35 are more than there is: rounded down.
        (54, 36, 1, 19),
        (1, 1, 0, 1),
    ],
)
def test_sk4_an_amount_is_split_in_equal_parts_of_which_the_last_corrects(
    amount: int, months: int, part: int, last: int
) -> None:
    parts = split(Cents(amount), months)
    assert parts == (*[part] * (months - 1), last)
    assert sum(parts) == amount


def test_sk4_the_schedule_of_1750_in_36_months_is_35_times_4861_and_once_4865() -> None:
    made = schedule(Cents(175000), 36, date(2027, 1, 15))
    assert Counter(due.amount for due in made) == {4861: 35, 4865: 1}
    assert (made[0].number, made[0].due_on) == (1, date(2027, 1, 15))
    assert (made[-1].number, made[-1].due_on, made[-1].amount) == (36, date(2029, 12, 15), 4865)


@pytest.mark.parametrize(
    ("amount", "months", "code"),
    [
        (175000, 36, None),
        (36, 36, None),
        (1, 1, None),
        (175000, 37, "monthsOutOfRange"),
        (175000, 0, "monthsOutOfRange"),
        (175000, -1, "monthsOutOfRange"),
        (35, 36, "amountTooSmall"),
        (0, 1, "amountTooSmall"),
        (-100, 1, "amountTooSmall"),
    ],
)
def test_sk2_and_sk3_terms_are_refused_out_of_range_and_with_fewer_cents_than_months(
    amount: int, months: int, code: str | None
) -> None:
    assert refusal_of_terms(Cents(amount), months) == code


def test_sk2_the_most_months_are_those_of_the_day() -> None:
    assert refusal_of_terms(Cents(100000), 48, most_months=48) is None
    assert refusal_of_terms(Cents(100000), 30, most_months=24) == "monthsOutOfRange"


def test_due_dates_keep_the_day_of_the_first_and_are_clipped_in_short_months() -> None:
    first = date(2027, 12, 31)
    assert [due_on(first, month) for month in range(1, 6)] == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]
    assert due_on(date(2026, 1, 31), 2) == date(2026, 2, 28)
    assert due_on(date(2026, 1, 30), 14) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("day", "month"),
    [
        (date(2025, 6, 1), 1),
        (date(2026, 1, 30), 1),
        (date(2026, 1, 31), 2),
        (date(2026, 2, 27), 2),
        (date(2026, 2, 28), 3),
        (date(2026, 3, 30), 3),
        (date(2028, 12, 31), 37),
    ],
)
def test_the_next_due_date_comes_after_a_day(day: date, month: int) -> None:
    assert first_month_after(date(2026, 1, 31), day) == month


@pytest.mark.parametrize(
    ("decided", "first"),
    [
        (date(2026, 11, 22), date(2026, 12, 22)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2027, 1, 31), date(2027, 2, 28)),
        (date(2028, 1, 30), date(2028, 2, 29)),
    ],
)
def test_the_first_due_date_is_the_same_day_of_the_next_month(decided: date, first: date) -> None:
    assert default_first_due(decided) == first
