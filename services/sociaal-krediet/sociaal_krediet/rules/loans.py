"""A loan as it stands, and what may be done to it (SK-5, SK-7, SK-9); `replaying` works it out from the facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from foundation.money import Cents
from sociaal_krediet.rules.facts import Ignored, LoanCode, Mode
from sociaal_krediet.rules.schedules import MOST_MONTHS

Settled = Literal["repaid", "remitted", "writtenOff"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed at the decision; `refusal_of_terms` has nothing against it."""

    principal: Cents
    months: int
    first_due_on: date


@dataclass(frozen=True, slots=True)
class Instalment:
    """One instalment in force. What was remitted, cut off or moved elsewhere is no longer in `amount`."""

    number: int
    due_on: date
    amount: Cents
    paid: Cents

    @property
    def open(self) -> Cents:
        return Cents(self.amount - self.paid)

    @property
    def state(self) -> Literal["open", "paid"]:
        return "open" if self.open else "paid"


@dataclass(frozen=True, slots=True)
class LoanState:
    """What the facts of a loan come to.

    `applied` is what each receipt counts for as repayment, `excess` what of it was above the outstanding and is still
    to be returned (SK-9); receipts for which it is nothing are left out of either. `early_mode` is what the next
    early repayment changes. Due dates ascend; two instalments share one only where a pause moved one onto another.
    """

    principal: Cents
    instalments: tuple[Instalment, ...]
    outstanding: Cents
    repaid: Cents
    remitted: Cents
    written_off: Cents
    applied: Mapping[str, Cents]
    excess: Mapping[str, Cents]
    early_mode: Mode
    state: Literal["active", "repaid", "remitted", "writtenOff"]
    ignored: tuple[Ignored, ...]

    def __post_init__(self) -> None:
        assert self.principal == self.repaid + self.outstanding + self.remitted + self.written_off
        assert self.outstanding == sum(instalment.open for instalment in self.instalments)
        assert self.repaid == sum(self.applied.values()) >= sum(instalment.paid for instalment in self.instalments)
        assert all(0 <= one.paid <= one.amount and one.amount > 0 for one in self.instalments)
        assert (self.state == "active") == (self.outstanding > 0)

    @property
    def open_instalments(self) -> tuple[Instalment, ...]:
        return tuple(instalment for instalment in self.instalments if instalment.open)


def last_month_number(state: LoanState, terms: Terms) -> int:
    """Give the month of the last instalment, counted from the month agreed for the first; 0 without instalments."""
    if not state.instalments:
        return 0
    last, first = state.instalments[-1].due_on, terms.first_due_on
    return (last.year - first.year) * 12 + last.month - first.month + 1


def needs_second_person(before: LoanState, after: LoanState, terms: Terms, most_months: int = MOST_MONTHS) -> bool:
    """Tell whether a change takes the loan past month 36, or still further: only with a reason and two people (SK-9)."""
    return last_month_number(after, terms) > max(most_months, last_month_number(before, terms))


def refusal_of_pause(state: LoanState, months: int, from_on: date, most_months: int = MOST_MONTHS) -> LoanCode | None:
    """Say why a pause cannot be given (SK-9)."""
    if not state.outstanding:
        return LoanCode.LOAN_SETTLED
    if not 1 <= months <= most_months:
        return LoanCode.MONTHS_OUT_OF_RANGE
    if all(instalment.due_on < from_on for instalment in state.open_instalments):
        return LoanCode.NOTHING_TO_PAUSE
    return None


def refusal_of_reschedule(state: LoanState, months: int) -> LoanCode | None:
    """Say why the unpaid part cannot be spread over so many months; past month 36 it takes a second person (SK-9)."""
    if not state.outstanding:
        return LoanCode.LOAN_SETTLED
    if months < 1:
        return LoanCode.MONTHS_OUT_OF_RANGE
    if state.outstanding < months:
        return LoanCode.AMOUNT_TOO_SMALL
    return None


def refusal_of_remission(state: LoanState, amount: Cents | None) -> LoanCode | None:
    """Say why an amount, or all that is outstanding (`None`), cannot be remitted or written off (SK-7)."""
    return _refusal_of_amount(state, amount)


def refusal_of_early_repayment(state: LoanState, amount: Cents) -> LoanCode | None:
    """Say why an amount cannot be announced as an early repayment (SK-5)."""
    return _refusal_of_amount(state, amount)


def _refusal_of_amount(state: LoanState, amount: Cents | None) -> LoanCode | None:
    if not state.outstanding:
        return LoanCode.LOAN_SETTLED
    if amount is not None and amount < 1:
        return LoanCode.AMOUNT_TOO_SMALL
    if amount is not None and amount > state.outstanding:
        return LoanCode.ABOVE_OUTSTANDING
    return None
