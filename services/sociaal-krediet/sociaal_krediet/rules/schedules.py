"""What a loan is repaid in: months, instalments and the days they are due (SK-2, SK-3, SK-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from foundation.money import Cents
from foundation.periods import Month

MOST_MONTHS = 36
"""What SK-2 and SK-9 count with unless the dated parameter `most_months` is passed on."""


@dataclass(frozen=True, slots=True)
class Due:
    """One instalment as it is agreed; numbers count from 1."""

    number: int
    due_on: date
    amount: Cents


def refusal_of_terms(amount: Cents, months: int, most_months: int = MOST_MONTHS) -> str | None:
    """Say why no schedule can be made: `monthsOutOfRange` (SK-2) or `amountTooSmall`, fewer cents than months (SK-3)."""
    if not 1 <= months <= most_months:
        return "monthsOutOfRange"
    if amount < months:
        return "amountTooSmall"
    return None


def split(amount: Cents, parts: int) -> tuple[Cents, ...]:
    """Split an amount in equal parts of which the last corrects (SK-3): 100.00 in 7 is 6 × 14.29 and 14.26.

    A part is rounded half up; where that would leave nothing for the last one, it is rounded down.
    """
    assert 1 <= parts <= amount, f"{amount} cents are not {parts} parts of a cent or more"
    part = (2 * amount + parts) // (2 * parts)
    if part * (parts - 1) >= amount:
        part = amount // parts
    return (*[Cents(part)] * (parts - 1), Cents(amount - part * (parts - 1)))


def schedule(amount: Cents, months: int, first_due_on: date) -> tuple[Due, ...]:
    """Make the schedule of a loan whose terms `refusal_of_terms` has nothing against.

    1,750.00 in 36 months is 35 × 48.61 and 48.65; the sum is the amount exactly.
    """
    return tuple(
        Due(number, due_on(first_due_on, number), part) for number, part in enumerate(split(amount, months), start=1)
    )


def due_on(first_due_on: date, month: int) -> date:
    """Give the due date in a month, counted from 1: the day of the first, or the last day of a month too short for it.

    From 31 January on: 28 or 29 February, 31 March, 30 April.
    """
    year, number = divmod(first_due_on.year * 12 + first_due_on.month + month - 2, 12)
    return date(year, number + 1, min(first_due_on.day, Month(year, number + 1).end.day))


def first_month_after(first_due_on: date, day: date) -> int:
    """Give the month, counted from 1, of the first due date that comes after a day."""
    month = max(1, (day.year - first_due_on.year) * 12 + day.month - first_due_on.month + 1)
    return month if due_on(first_due_on, month) > day else month + 1


def default_first_due(decided_on: date) -> date:
    """Give the first due date where none is asked: the same day of the next month, or its last."""
    return due_on(decided_on, 2)
