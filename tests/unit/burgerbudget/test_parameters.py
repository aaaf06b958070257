"""Dated parameters: known values are given, unknown dates are refused."""

from __future__ import annotations

from datetime import date
from importlib import resources

import pytest

from burgerbudget.parameters import PARAMETERS, parameters_of, policy_on
from foundation.parameters import NoParameter, ParameterFileError
from foundation.periods import Quarter

TEXT = resources.files("burgerbudget").joinpath("parameters.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("day", "cents"),
    [
        (date(2023, 7, 1), 1279),
        (date(2023, 12, 31), 1279),
        (date(2024, 1, 1), 1327),
        (date(2024, 7, 1), 1368),
        (date(2025, 1, 1), 1406),
        (date(2025, 7, 1), 1440),
        (date(2026, 1, 1), 1471),
        (date(2026, 6, 30), 1471),
        (date(2026, 7, 1), 1499),
        (date(2026, 12, 31), 1499),
    ],
)
def test_the_wage_is_that_of_its_half_year(day: date, cents: int) -> None:
    assert policy_on(day).wage == cents


def test_a_policy_holds_ceiling_threshold_day_limit_and_the_fourth_insufficient_quarter() -> None:
    policy = policy_on(date(2026, 7, 1))
    assert (policy.ceiling, policy.threshold, policy.day_limit, policy.stop_after) == (100_000, 144, 96, 4)


@pytest.mark.parametrize("day", [date(2023, 6, 30), date(2027, 1, 1), date(2031, 5, 5)])
def test_a_date_without_a_known_wage_is_refused_and_named(day: date) -> None:
    with pytest.raises(NoParameter, match=day.isoformat()) as refusal:
        policy_on(day)
    assert "wettelijk minimumuurloon" in refusal.value.message
    assert refusal.value.errors[0].code == "noParameter"


def test_what_needs_no_wage_is_known_after_the_last_wage() -> None:
    assert PARAMETERS.start_window.on(date(2027, 1, 4)) == 7
    assert PARAMETERS.day_limit.on(date(2027, 1, 4)) == 96
    assert PARAMETERS.objection_weeks.on(date(2027, 1, 4)) == 6


@pytest.mark.parametrize(
    ("year", "month_cents", "year_cents"),
    [(2023, 19000, 190000), (2025, 21000, 210000), (2026, 22000, 220000)],
)
def test_the_volunteer_allowance_is_known_per_month_and_year(year: int, month_cents: int, year_cents: int) -> None:
    day = date(year, 5, 1)
    assert PARAMETERS.volunteer_allowance_month.on(day) == month_cents
    assert PARAMETERS.volunteer_allowance_year.on(day) == year_cents


def test_every_value_has_a_source_and_begins_with_a_quarter() -> None:
    assert PARAMETERS.wage.period_on(date(2026, 9, 9)).source.endswith("(Stcrt. 2026, 16505)")
    for period in PARAMETERS.wage.periods:
        assert period.start == Quarter.of(period.start).start


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("from = 2024-07-01, amount", "from = 2024-07-02, amount", "begins within a quarter"),
        ("from = 2024-07-01, amount", "from = 2024-01-01, amount", "two values on 2024-01-01"),
        (
            'until = 2026-12-31, amount = "14.99"',
            'until = 2026-06-30, amount = "14.99"',
            "ends before it begins",
        ),
        ("[ceiling]", "[roof]", "expected are"),
        ('amount = "12.79"', 'amount = "12.795"', "whole number of cents"),
        ('source = "Algemene wet bestuursrecht, artikel 6:7 (BB-4)"', 'source = " "', "has no source"),
    ],
)
def test_a_parameter_file_that_contradicts_itself_is_refused(old: str, new: str, sentence: str) -> None:
    assert old in TEXT
    with pytest.raises(ValueError, match=sentence):
        parameters_of(TEXT.replace(old, new))


def test_a_parameter_without_periods_is_refused() -> None:
    start = TEXT.index("[objection_weeks]")
    empty = TEXT[:start] + TEXT[start:].replace(
        TEXT[TEXT.index("{", start) : TEXT.index("]", TEXT.index("{", start))], "", 1
    )
    with pytest.raises(ParameterFileError, match="objection_weeks has no periods"):
        parameters_of(empty)
