"""What is credited each month and what goes back, and which months of a SIM card are paid (section 2)."""

from __future__ import annotations

from datetime import date

from foundation.money import Cents
from foundation.periods import Month


def credit(ceiling: Cents, balance: Cents) -> Cents:
    """Give what a month adds: up to the ceiling and never above it, so nothing is saved up.

    `balance` counts what is set apart for calls too: until they are over, it is in the purse.

    >>> credit(Cents(1000), Cents(250)), credit(Cents(1000), Cents(1000)), credit(Cents(1000), Cents(1200))
    (750, 0, 0)
    """
    return Cents(max(0, ceiling - balance))


def first_credit(starts_on: date, today: date) -> date:
    """Give the day of somebody's first credit: their start, or today where that was before; months gone by give nothing."""
    return max(starts_on, today)


def next_month(day: date) -> date:
    """Give the first of the month after."""
    return Month.of(day).next().start


def months_touched(first: date, last: date) -> list[Month]:
    """Give every calendar month with a day from `first` to `last`, both included; none where they are the other way round.

    >>> [str(month) for month in months_touched(date(2026, 1, 31), date(2026, 3, 1))]
    ['2026-01', '2026-02', '2026-03']
    """
    months = []
    month = Month.of(first)
    while first <= last and month <= Month.of(last):
        months.append(month)
        month = month.next()
    return months


def is_returned(balance: Cents, *, taken_over: bool) -> bool:
    """Tell whether the return of an ended product is over: nothing is left, or a new product counts what is left as its own."""
    return balance == 0 or taken_over
