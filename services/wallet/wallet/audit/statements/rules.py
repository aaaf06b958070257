"""What a statement says: balances that follow from its own lines, and amounts in the words of their unit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from foundation.dutch import unit_in_words
from foundation.money import euros
from foundation.periods import Quarter

_PURSES = {"vrij": "Vrij te besteden"}


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a quarter that a statement covers; provisional while the quarter may still get entries.

    `last` lies before `first` where the quarter has not begun.
    """

    quarter: Quarter
    first: date
    last: date
    provisional: bool


def period_of(quarter: Quarter, today: date) -> Period:
    """Give what can be told of a quarter today: all of it once it is over, until then its days up to today."""
    return Period(quarter, quarter.start, min(quarter.end, today), provisional=today <= quarter.end)


@dataclass(frozen=True, slots=True)
class Line:
    """One entry on a statement; `balance` is what the lines up to and with this one make."""

    id: str
    value_date: date
    explanation: str
    explanation_code: str | None
    kind: str
    reference: str | None
    amount: int
    balance: int
    block: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class PurseStatement:
    """One purse in one period: what stood on it before, every entry, and what stands on it after."""

    purse: str
    asset: str
    scale: int
    opening: int
    lines: Sequence[Line]

    @property
    def closing(self) -> int:
        return self.opening + sum(line.amount for line in self.lines)


def purse_in_words(purse: str) -> str:
    """Give the name of a purse as its owner knows it."""
    return _PURSES.get(purse, purse.replace("-", " ").capitalize())


def amount_in_words(amount: int, asset: str, scale: int, sign: bool = False) -> str:
    """Write an amount in its unit: 123456 EUR is `€ 1.234,56`, 1 LESSON `1 les`; with `sign` what comes in has a +."""
    before = "-" if amount < 0 else "+" if sign else ""
    if asset == "EUR":
        return f"{before}€ {euros(abs(amount))}"
    whole, part = divmod(abs(amount), 10**scale)
    number = f"{whole:,}".replace(",", ".") + (f",{part:0{scale}d}" if scale else "")
    return f"{before}{number} {unit_in_words(asset, is_one=abs(amount) == 10**scale)}"
