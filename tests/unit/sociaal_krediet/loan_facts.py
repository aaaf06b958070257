"""Loans and what happens to them, in few words; amounts in cents, days at noon unless an hour is named."""

from __future__ import annotations

from datetime import UTC, date, datetime

from foundation.money import Cents
from sociaal_krediet.rules.facts import Bounce, EarlyMode, Fact, Mode, Pause, Receipt, Refunded, Reinstated, Remission
from sociaal_krediet.rules.facts import Reschedule as RescheduleFact
from sociaal_krediet.rules.facts import WriteOff as WriteOffFact
from sociaal_krediet.rules.loans import LoanState, Terms
from sociaal_krediet.rules.replaying import replay
from sociaal_krediet.rules.schedules import due_on

FIRST = date(2026, 1, 31)
"""The first due date of the loans below: the next ones are 28 February, 31 March and 30 April."""

HUNDRED_IN_FOUR = Terms(Cents(10000), 4, FIRST)
"""100.00: four instalments of 25.00 on 31 January, 28 February, 31 March and 30 April 2026."""

FULL = Terms(Cents(175000), 36, FIRST)
"""1,750.00 in 36 months, until 31 December 2028."""


def at(on: date, hour: int) -> datetime:
    return datetime(on.year, on.month, on.day, hour, tzinfo=UTC)


def receipt(name: str, on: date, amount: int, hour: int = 12) -> Receipt:
    return Receipt(name, on, at(on, hour), Cents(amount))


def bounce(name: str, on: date, of: str, amount: int, hour: int = 13) -> Bounce:
    return Bounce(name, on, at(on, hour), of, Cents(amount))


def reinstated(name: str, on: date, of: str, amount: int, hour: int = 14) -> Reinstated:
    return Reinstated(name, on, at(on, hour), of, Cents(amount))


def refunded(name: str, on: date, of: str, amount: int, hour: int = 15) -> Refunded:
    return Refunded(name, on, at(on, hour), of, Cents(amount))


def early_mode(on: date, mode: Mode, hour: int = 11) -> EarlyMode:
    return EarlyMode(f"mode-{on}-{hour}", on, at(on, hour), mode)


def pause(on: date, months: int, from_on: date) -> Pause:
    return Pause(f"pause-{on}", on, at(on, 16), months, from_on)


def reschedule(on: date, months: int) -> RescheduleFact:
    return RescheduleFact(f"reschedule-{on}", on, at(on, 17), months)


def remission(on: date, amount: int | None, mode: Mode = "shorten") -> Remission:
    return Remission(f"remission-{on}", on, at(on, 18), None if amount is None else Cents(amount), mode)


def write_off(on: date, amount: int | None) -> WriteOffFact:
    return WriteOffFact(f"write-off-{on}", on, at(on, 19), None if amount is None else Cents(amount))


def unpaid(state: LoanState) -> list[tuple[str, int]]:
    """What is still to be paid, by due date."""
    return [(one.due_on.isoformat(), one.open) for one in state.open_instalments]


JAN, FEB, MAR, APR = (due_on(FIRST, month) for month in (1, 2, 3, 4))

TEN_PAID = [receipt(f"r{month:02d}", due_on(FIRST, month), 4861) for month in range(1, 11)]
"""The first ten instalments of `FULL`, each on its day: 1,263.90 is open after them."""

NOVEMBER = date(2026, 11, 3)
"""A day after those ten."""


def amounts_of(terms: Terms, *facts: Fact) -> list[int]:
    """What is still to be paid, instalment by instalment."""
    return [one.open for one in replay(terms, facts).open_instalments]
