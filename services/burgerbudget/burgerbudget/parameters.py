"""The dated amounts, thresholds and terms of the burgerbudget, read from `parameters.toml`.

A date that no known period covers is refused (`NoParameter`), never guessed: as long as the wage of 2027 has
not been entered, `PARAMETERS.wage.on(date(2027, 1, 1))` raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources

from foundation import parameters
from foundation.hours import Hours
from foundation.money import Cents
from foundation.parameters import Dated
from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter of the scheme; a field's name is its table in `parameters.toml`."""

    wage: Dated[Cents]
    ceiling: Dated[Cents]
    threshold: Dated[Hours]
    day_limit: Dated[Hours]
    stop_after: Dated[int]
    start_window: Dated[int]
    objection_weeks: Dated[int]
    volunteer_allowance_month: Dated[Cents]
    volunteer_allowance_year: Dated[Cents]


@dataclass(frozen=True, slots=True)
class BurgerbudgetPolicy:
    """What the rules need to know about one day; hours count quarter-hours."""

    wage: Cents
    ceiling: Cents
    threshold: Hours
    day_limit: Hours
    stop_after: int


def _starts(day: date) -> str | None:
    return None if day == Quarter.of(day).start else "begins within a quarter, which then has two values"


def parameters_of(text: str) -> Parameters:
    """Read the content of a parameter file; raises `ParameterFileError` when it contradicts itself."""
    return parameters.parameters_of(text, Parameters, _starts)


PARAMETERS = parameters_of(resources.files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8"))


@lru_cache(maxsize=512)
def policy_on(day: date) -> BurgerbudgetPolicy:
    """Give the policy in force on a day; raises `NoParameter` naming what is not known then.

    A quarter has one policy, that of any of its days: values only change on the first day of a quarter.
    """
    return BurgerbudgetPolicy(
        wage=PARAMETERS.wage.on(day),
        ceiling=PARAMETERS.ceiling.on(day),
        threshold=PARAMETERS.threshold.on(day),
        day_limit=PARAMETERS.day_limit.on(day),
        stop_after=PARAMETERS.stop_after.on(day),
    )
