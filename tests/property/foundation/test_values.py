"""What holds for every amount, every number of hours, every day and every cursor."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.hours import NotQuarterHours, hours_of, hours_text
from foundation.money import cents_of, euros, half_up
from foundation.pages import decode_cursor, encode_cursor
from foundation.periods import Quarter
from foundation.refusals import BadRequest

DAYS = st.dates(min_value=date(1, 1, 1), max_value=date(9999, 12, 31))
QUARTERS = st.builds(Quarter, st.integers(1, 9999), st.integers(1, 4))


@given(st.integers(-(10**15), 10**15))
def test_cents_survive_being_written_and_read(amount: int) -> None:
    written = euros(amount)
    assert cents_of(written.replace(".", "").replace(",", ".")) == amount


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False))
def test_rounding_never_moves_more_than_half_a_cent_and_is_the_same_on_both_sides_of_zero(amount: Decimal) -> None:
    rounded = half_up(amount)
    assert abs(Decimal(rounded) - amount) <= Decimal("0.5")
    assert half_up(-amount) == -rounded


@given(st.integers(-(10**9), 10**9))
def test_hours_survive_being_written_and_read(quarters: int) -> None:
    text = hours_text(quarters)
    assert hours_of(text) == quarters
    assert Decimal(text) * 4 == quarters
    assert not (("." in text) and text.endswith("0"))


@given(st.decimals(min_value=-1000, max_value=1000, places=6, allow_nan=False))
def test_a_number_is_quarter_hours_or_refused(number: Decimal) -> None:
    if number % Decimal("0.25"):
        with pytest.raises(NotQuarterHours):
            hours_of(number)
    else:
        assert Decimal(hours_of(number)) / 4 == number


@given(DAYS)
def test_every_day_is_in_exactly_one_quarter(day: date) -> None:
    quarter = Quarter.of(day)
    assert quarter.start <= day <= quarter.end
    assert Quarter.of(quarter.start) == Quarter.of(quarter.end) == quarter
    if quarter < Quarter(9999, 4):
        assert quarter.next().start == quarter.end + timedelta(days=1)


@given(QUARTERS)
def test_quarters_survive_being_written_and_read_and_sort_as_their_texts(quarter: Quarter) -> None:
    assert Quarter.parse(str(quarter)) == quarter
    if quarter > Quarter(1, 1):
        assert quarter.previous().next() == quarter
        assert str(quarter.previous()) < str(quarter)


def test_quarters_follow_one_another_without_a_gap_for_thirty_years() -> None:
    days = [date(2015, 1, 1) + timedelta(days=number) for number in range(30 * 365)]
    for earlier, later in pairwise(days):
        before, after = Quarter.of(earlier), Quarter.of(later)
        assert after in (before, before.next())


# A small alphabet: Hypothesis takes seconds to prepare all of Unicode, and these are the signs that matter here.
TEXTS = st.text(alphabet='aZ09-_=+/ .\x00\n"{}[]:éλ漢\U0001f600', max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXTS


@given(st.dictionaries(st.sampled_from(["id", "sequence", "day"]), SCALARS, max_size=3))
def test_a_cursor_comes_back_as_it_was_given(position: dict[str, Any]) -> None:
    assert decode_cursor(encode_cursor(position), **{key: type(value) for key, value in position.items()}) == position


@given(TEXTS | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_whatever_is_no_cursor_of_ours_is_a_bad_request(forged: str) -> None:
    with pytest.raises(BadRequest):
        decode_cursor(forged, sequence=int, id=str)
