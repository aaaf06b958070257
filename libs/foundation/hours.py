"""Hours worked, counted in quarters of an hour: exact, never a float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import NewType

Hours = NewType("Hours", int)
"""A length of time in quarter-hours: 36.00 hours is `Hours(144)`."""


class NotQuarterHours(ValueError):
    """The number of hours is not a multiple of 0.25."""


def hours_of(number: Decimal | str) -> Hours:
    """Turn a decimal number of hours into quarter-hours.

    Raises `NotQuarterHours` where it is no multiple of 0.25, `ValueError` where it is no number.
    """
    try:
        quarters = Decimal(number) * 4
    except InvalidOperation as error:
        raise ValueError(f"{number!r} is not a number of hours") from error
    if not quarters.is_finite():
        raise ValueError(f"{number!r} is not a number of hours")
    if quarters != quarters.to_integral_value():
        raise NotQuarterHours(f"{number} is not a whole number of quarter-hours")
    return Hours(int(quarters))


_FRACTIONS = ("", ".25", ".5", ".75")


def hours_text(hours: int) -> str:
    """Write quarter-hours as the API does: 143 is `35.75`, 104 is `26`, no trailing zeros."""
    sign = "-" if hours < 0 else ""
    whole, quarters = divmod(abs(hours), 4)
    return f"{sign}{whole}{_FRACTIONS[quarters]}"
