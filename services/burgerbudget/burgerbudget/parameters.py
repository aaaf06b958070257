"""The dated amounts, thresholds and terms of the burgerbudget, read from `parameters.toml`.

A date that no known period covers is refused (`NoParameter`), never guessed: as long as the wage of 2027 has
not been entered, `PARAMETERS.wage.on(date(2027, 1, 1))` raises.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from importlib import resources
from itertools import pairwise
from typing import Any, Generic, TypeVar

from foundation.hours import Hours, hours_of
from foundation.money import Cents, cents_of
from foundation.periods import Quarter
from foundation.refusals import Conflict

T = TypeVar("T")


class NoParameter(Conflict):
    """No value is known for a parameter on a date."""

    code = "noParameter"

    def __init__(self, name: str, day: date) -> None:
        super().__init__(
            f"Voor {day.isoformat()} is geen waarde bekend voor: {name}. "
            "Vul de waarde met haar bron aan in parameters.toml en probeer het opnieuw."
        )
        self.name = name
        self.day = day


@dataclass(frozen=True, slots=True)
class Period(Generic[T]):
    """One value, from its first day until its last (`None`: until the next period or further notice)."""

    start: date
    until: date | None
    amount: T
    source: str


@dataclass(frozen=True, slots=True)
class Dated(Generic[T]):
    """One parameter over time."""

    name: str
    periods: tuple[Period[T], ...]

    def period_on(self, day: date) -> Period[T]:
        """Give the period that covers a day, with its source; raises `NoParameter` when none does."""
        index = bisect_right(self.periods, day, key=lambda period: period.start) - 1
        if index < 0:
            raise NoParameter(self.name, day)
        period = self.periods[index]
        if period.until is not None and day > period.until:
            raise NoParameter(self.name, day)
        return period

    def on(self, day: date) -> T:
        """Give the value in force on a day; raises `NoParameter` when none is known."""
        return self.period_on(day).amount


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


class ParameterFileError(ValueError):
    """The parameter file contradicts itself; the service does not start with it."""


_READERS: Mapping[str, Callable[[Any], Any]] = {"euros": cents_of, "hours": hours_of, "count": int}


def _dated(table: str, content: Mapping[str, Any]) -> Dated[Any]:
    read = _READERS[content["kind"]]
    periods = tuple(
        Period(start=row["from"], until=row.get("until"), amount=read(row["amount"]), source=row["source"])
        for row in content["periods"]
    )
    _check(table, periods)
    return Dated(name=content["name"], periods=periods)


def _check(table: str, periods: Sequence[Period[Any]]) -> None:
    if not periods:
        raise ParameterFileError(f"{table} has no periods")
    for period in periods:
        if not period.source.strip():
            raise ParameterFileError(f"{table} from {period.start} has no source")
        if period.until is not None and period.until < period.start:
            raise ParameterFileError(f"{table} from {period.start} ends before it begins")
        if period.start != Quarter.of(period.start).start:
            raise ParameterFileError(f"{table} from {period.start} begins within a quarter, which then has two values")
    for earlier, later in pairwise(periods):
        if later.start <= (earlier.until or earlier.start):
            raise ParameterFileError(f"{table} has two values on {later.start}")


def parameters_of(text: str) -> Parameters:
    """Read the content of a parameter file; raises `ParameterFileError` when it contradicts itself."""
    tables = tomllib.loads(text)
    wanted = [field.name for field in fields(Parameters)]
    if sorted(tables) != sorted(wanted):
        raise ParameterFileError(f"the file has tables {sorted(tables)}, expected are {sorted(wanted)}")
    return Parameters(**{table: _dated(table, tables[table]) for table in wanted})


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
