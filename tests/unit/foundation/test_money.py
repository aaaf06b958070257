"""Cents: exact, rounded half up, written the Dutch way."""

from __future__ import annotations

from decimal import Decimal

import pytest

from foundation.money import cents_of, euros, half_up


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("-0.5", -1), ("-2.5", -3), ("45724.25", 45724), ("0", 0)],
)
def test_halves_are_rounded_away_from_zero(amount: str, rounded: int) -> None:
    assert half_up(Decimal(amount)) == rounded


def test_a_tenth_of_a_euro_is_ten_cents_exactly() -> None:
    assert cents_of("0.10") == 10
    assert cents_of(Decimal("1000.00")) == 100_000
    assert cents_of("-12.79") == -1279


@pytest.mark.parametrize("text", ["0.001", "12.345", "1/3", "", "duizend", "NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_whole_number_of_cents_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        cents_of(text)


@pytest.mark.parametrize(
    ("cents", "written"),
    [
        (0, "0,00"),
        (5, "0,05"),
        (123456, "1.234,56"),
        (-123456, "-1.234,56"),
        (-5, "-0,05"),
        (10**15, "10.000.000.000.000,00"),
    ],
)
def test_amounts_are_written_the_dutch_way(cents: int, written: str) -> None:
    assert euros(cents) == written
