"""Quarter-hours: exact, and nothing between them."""

from __future__ import annotations

import pytest

from foundation.hours import NotQuarterHours, hours_of, hours_text


@pytest.mark.parametrize(
    ("text", "quarters"),
    [("36.00", 144), ("35.75", 143), ("0.25", 1), ("24", 96), ("0", 0), ("-1.5", -6), ("1e1", 40)],
)
def test_hours_are_counted_in_quarters(text: str, quarters: int) -> None:
    assert hours_of(text) == quarters


@pytest.mark.parametrize("text", ["0.1", "0.3333", "35.76", "1e-3", "0.2500001"])
def test_what_lies_between_two_quarters_is_refused(text: str) -> None:
    with pytest.raises(NotQuarterHours):
        hours_of(text)


@pytest.mark.parametrize("text", ["", "een", "NaN", "Infinity", "-Infinity", "1,5", "sNaN"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        hours_of(text)
    assert not isinstance(refusal.value, NotQuarterHours)


@pytest.mark.parametrize(
    ("quarters", "text"), [(143, "35.75"), (104, "26"), (2, "0.5"), (1, "0.25"), (0, "0"), (-3, "-0.75"), (-8, "-2")]
)
def test_hours_are_written_without_trailing_zeros(quarters: int, text: str) -> None:
    assert hours_text(quarters) == text
