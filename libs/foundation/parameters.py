"""Dated parameters: amounts, thresholds and terms with their source, read from a `parameters.toml` beside the rules.

    [wage]
    name = "wettelijk minimumuurloon"
    kind = "euros"
    periods = [
        { from = 2026-07-01, until = 2026-12-31, amount = "14.99", source = "…" },
    ]

A date that no known period covers is refused (`NoParameter`), never guessed.
"""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise
from typing import Any, Generic, TypeVar

from foundation.hours import hours_of
from foundation.money import Cents, cents_of
from foundation.refusals import Conflict

T = TypeVar("T")
P = TypeVar("P")


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


class ParameterFileError(ValueError):
    """The parameter file contradicts itself; the service does not start with it."""


StartCheck = Callable[[date], str | None]
"""Says what is wrong with the day on which a value begins, or nothing."""


def _euros_or_unlimited(text: str) -> Cents | None:
    return None if text == "unlimited" else cents_of(text)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "euros": cents_of,
    "euros or unlimited": _euros_or_unlimited,
    "hours": hours_of,
    "count": int,
}


def read_parameters(tables: Mapping[str, Any], kind: type[P], starts: StartCheck = lambda day: None) -> P:
    """Make a dataclass whose every field is a `Dated` from the table of its name.

    Raises `ParameterFileError` when a table is missing or unknown, or contradicts itself.
    """
    wanted = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if sorted(tables) != sorted(wanted):
        raise ParameterFileError(f"the file has tables {sorted(tables)}, expected are {sorted(wanted)}")
    return kind(**{table: _dated(table, tables[table], starts) for table in wanted})


def parameters_of(text: str, kind: type[P], starts: StartCheck = lambda day: None) -> P:
    """Read the content of a parameter file into a dataclass; raises `ParameterFileError`."""
    return read_parameters(tomllib.loads(text), kind, starts)


def _dated(table: str, content: Mapping[str, Any], starts: StartCheck) -> Dated[Any]:
    read = _READERS[content["kind"]]
    periods = tuple(
        Period(start=row["from"], until=row.get("until"), amount=read(row["amount"]), source=row["source"])
        for row in content["periods"]
    )
    _check(table, periods, starts)
    return Dated(name=content["name"], periods=periods)


def _check(table: str, periods: Sequence[Period[Any]], starts: StartCheck) -> None:
    if not periods:
        raise ParameterFileError(f"{table} has no periods")
    for period in periods:
        if not period.source.strip():
            raise ParameterFileError(f"{table} from {period.start} has no source")
        if period.until is not None and period.until < period.start:
            raise ParameterFileError(f"{table} from {period.start} ends before it begins")
        fault = starts(period.start)
        if fault is not None:
            raise ParameterFileError(f"{table} from {period.start} {fault}")
    for earlier, later in pairwise(periods):
        if later.start <= (earlier.until or earlier.start):
            raise ParameterFileError(f"{table} has two values on {later.start}")
