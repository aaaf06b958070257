"""What a call costs, exact to the cent, and how many seconds an amount lasts."""

from __future__ import annotations

from typing import NewType

from foundation.money import Cents

Tariff = NewType("Tariff", int)
"""The price of a minute in 1/10,000 euro: 2300 is € 0.23."""

_PER_CENT = 6_000
"""Seconds times a tariff that make one cent: 60 seconds in a minute, 100 ten-thousandths in a cent."""


def cost_of(seconds: int, tariff: Tariff) -> Cents:
    """Give what a call costs: half-up cents of seconds × tariff per minute / 60.

    >>> cost_of(90, Tariff(2300))
    35
    """
    return Cents((2 * seconds * tariff + _PER_CENT) // (2 * _PER_CENT))


def seconds_for(amount: Cents, tariff: Tariff) -> int:
    """Give the longest call that costs no more than an amount; the tariff is above 0.

    >>> seconds_for(Cents(1000), Tariff(2300)), cost_of(2609, Tariff(2300)), cost_of(2610, Tariff(2300))
    (2609, 1000, 1001)
    """
    return (_PER_CENT * amount + _PER_CENT // 2 - 1) // tariff


def whole_minutes_for(amount: Cents, tariff: Tariff) -> int:
    """Give the whole minutes that an amount buys: floor(balance / price of a minute).

    >>> whole_minutes_for(Cents(1000), Tariff(2300))
    43
    """
    return amount * 100 // tariff
