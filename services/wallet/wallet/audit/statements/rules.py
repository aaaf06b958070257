"""What a statement says: balances that follow from its own lines, and amounts in the words of their unit. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from foundation.dutch import unit_in_words
from foundation.money import euros
from foundation.periods import Month, Quarter
from wallet.ledger.rules import MonthTotal

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
    """One entry on a statement, or the `entries` of a month that it shows in total.

    `balance` is what the lines up to and with this one make. The `leaf` of a total is SHA-256 over the leaves of its entries, in
    the order of their account, and its `block` the newest of theirs: who may see the entries makes it again.
    """

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
    entries: int = 1
    is_total: bool = False


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


def with_totals(
    purse: str, lines: Sequence[Line], total: MonthTotal | None, explain: Callable[[str, str, str], str]
) -> list[Line]:
    """Put one line in the place of all of a month that is shown in total, where the newest of them is.

    `explain` makes words of a code, a reference and a kind.
    """
    months: dict[Month, list[Line]] = {}
    for line in lines:
        if total is not None and line.kind == total.kind:
            months.setdefault(Month.of(line.value_date), []).append(line)
    shown = []
    for line in lines:
        month = Month.of(line.value_date)
        if total is None or line.kind != total.kind:
            shown.append(line)
        elif line is months[month][-1]:
            text = explain(total.explanation, str(month), total.shown_as)
            shown.append(_added_up(f"{purse}-{month}", str(month), months[month], total, text))
    return shown


def _added_up(name: str, month: str, lines: Sequence[Line], total: MonthTotal, text: str) -> Line:
    return replace(
        lines[-1],
        id=name,
        explanation=text,
        explanation_code=total.explanation,
        kind=total.shown_as,
        reference=month,
        amount=sum(line.amount for line in lines),
        block=max(line.block for line in lines),
        leaf=hashlib.sha256(b"".join(line.leaf for line in lines)).digest(),
        entries=len(lines),
        is_total=True,
    )


def with_balances(opening: int, lines: Sequence[Line]) -> list[Line]:
    """Let each line say what the lines up to and with it make."""
    balanced = []
    for line in lines:
        opening += line.amount
        balanced.append(replace(line, balance=opening))
    return balanced


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
