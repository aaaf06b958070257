"""What a month gives, and which months a SIM card touches (section 2)."""

from __future__ import annotations

from datetime import date

import pytest

from belkosten.rules.credits import credit, first_credit, is_returned, months_touched, next_month
from foundation.money import Cents


@pytest.mark.parametrize(("balance", "added"), [(0, 1_000), (1, 999), (999, 1), (1_000, 0), (1_200, 0)])
def test_a_month_fills_up_to_the_ceiling_and_never_above_it(balance: int, added: int) -> None:
    assert credit(Cents(1_000), Cents(balance)) == added


def test_the_first_credit_is_at_the_start_and_months_gone_by_give_nothing() -> None:
    today = date(2026, 10, 14)
    assert first_credit(date(2026, 9, 1), today) == today
    assert first_credit(date(2026, 10, 20), today) == date(2026, 10, 20)
    assert (next_month(date(2026, 12, 31)), next_month(date(2026, 1, 1))) == (date(2027, 1, 1), date(2026, 2, 1))


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2026-09-30", "2026-11-01", ["2026-09", "2026-10", "2026-11"]),
        ("2026-10-01", "2026-10-31", ["2026-10"]),
        ("2026-10-31", "2026-10-31", ["2026-10"]),
        ("2026-12-31", "2027-01-01", ["2026-12", "2027-01"]),
        ("2026-10-02", "2026-10-01", []),
    ],
)
def test_every_month_with_a_day_of_the_card_counts_both_ends_included(first: str, last: str, months: list[str]) -> None:
    touched = months_touched(date.fromisoformat(first), date.fromisoformat(last))
    assert [str(month) for month in touched] == months


def test_a_year_of_a_sim_card_is_twelve_months_of_10_euro() -> None:
    # 12 x 10.00 = 120.00 a user-year, the source's figure.
    assert len(months_touched(date(2026, 1, 1), date(2026, 12, 31))) * 1_000 == 12_000


def test_a_return_is_over_when_nothing_is_left_or_another_product_goes_on_with_it() -> None:
    assert is_returned(Cents(0), taken_over=False)
    assert is_returned(Cents(250), taken_over=True)
    assert not is_returned(Cents(250), taken_over=False)
