"""How much may be lent, and to whom it is paid (SK-1, SK-8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from foundation.money import Cents


@dataclass(frozen=True, slots=True)
class CapPolicy:
    """What a household may owe at most, on one day."""

    single: Cents
    household: Cents


@dataclass(frozen=True, slots=True)
class CapTest:
    """A loan or gift held against the cap: `room` is what is left without it, `over` how much it is too high."""

    cap: Cents
    outstanding: Cents
    room: Cents
    over: Cents


def cap(household_size: int, policy: CapPolicy) -> Cents:
    """Give the cap of a household; children count, so a parent with a child is a household of two (SK-1)."""
    assert household_size >= 1, f"{household_size} people are no household"
    return policy.single if household_size == 1 else policy.household


def against_cap(household_size: int, outstanding: Cents, amount: Cents, policy: CapPolicy) -> CapTest:
    """Hold a loan or gift against the cap; `outstanding` are the loans of all members together (SK-1)."""
    most = cap(household_size, policy)
    return CapTest(
        cap=most,
        outstanding=outstanding,
        room=Cents(max(0, most - outstanding)),
        over=Cents(max(0, outstanding + amount - most)),
    )


def refusal_of_lines(amount: Cents, lines: Collection[Cents]) -> str | None:
    """Say why creditors cannot be paid so: `noCreditors`, `lineTooSmall` or `linesDoNotAddUp` (SK-8)."""
    if not lines:
        return "noCreditors"
    if any(line < 1 for line in lines):
        return "lineTooSmall"
    if sum(lines) != amount:
        return "linesDoNotAddUp"
    return None
