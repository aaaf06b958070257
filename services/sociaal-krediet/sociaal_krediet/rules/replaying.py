"""The state of a loan as the replay of its facts in the order in which they count (SK-5, SK-7, SK-9, SK-12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from foundation.money import Cents
from sociaal_krediet.rules.facts import (
    Bounce,
    EarlyMode,
    Fact,
    Ignored,
    LoanCode,
    Mode,
    Pause,
    Receipt,
    Refunded,
    Reinstated,
    Remission,
    Reschedule,
    WriteOff,
    in_effective_order,
)
from sociaal_krediet.rules.loans import Instalment, LoanState, Settled, Terms
from sociaal_krediet.rules.plans import Early, Place, Plan

SHORTEN: Mode = "shorten"


def replay(terms: Terms, facts: Iterable[Fact]) -> LoanState:
    """Work out what a loan's facts come to; the same whatever order they are given in, and however often.

    Never raises for facts that contradict one another: what has no effect, or only part of it, is in `ignored`.
    """
    ordered = in_effective_order(facts)
    book = _Book(
        Plan.of(terms), terms.principal, {fact.id: _Counted() for fact in ordered if isinstance(fact, Receipt)}
    )
    for fact in ordered:
        book.take(fact)
    return book.state(terms)


@dataclass(slots=True)
class _Counted:
    """One receipt: what came in of it, and what it counts for.

    `net` is what came in, less what was taken back. It may pass below 0 or above the receipt while its facts are half
    told (a bounce booked before the receipt); what counts never does, so that their order does not matter in the end.
    """

    received: int = 0
    net: int = 0
    counts: int = 0
    filled: list[tuple[Place, int]] = field(default_factory=list)
    early: int = 0
    taken_early: Early | None = None
    excess: int = 0
    last_taken_back: Bounce | Refunded | None = None
    last_reinstated: Reinstated | None = None

    @property
    def applied(self) -> int:
        return self.counts - self.excess

    def contradictions(self) -> Iterable[Ignored]:
        """Say what cannot be, now that everything is told."""
        if self.net < 0 and self.last_taken_back is not None:
            bounced = isinstance(self.last_taken_back, Bounce)
            code = LoanCode.BOUNCE_ABOVE_RECEIPT if bounced else LoanCode.REFUND_ABOVE_RECEIPT
            yield Ignored(self.last_taken_back.id, code)
        if self.net > self.received and self.last_reinstated is not None:
            yield Ignored(self.last_reinstated.id, LoanCode.REINSTATED_ABOVE_BOUNCE)


@dataclass(slots=True)
class _Book:
    """A working copy of one loan."""

    plan: Plan
    outstanding: int
    receipts: dict[str, _Counted]
    remitted: int = 0
    written_off: int = 0
    early_mode: Mode = SHORTEN
    settled: Settled = "repaid"
    ignored: list[Ignored] = field(default_factory=list)

    def take(self, fact: Fact) -> None:
        """Let one fact have its effect."""
        match fact:
            case EarlyMode():
                self.early_mode = fact.mode
            case Receipt():
                counted = self.receipts[fact.id]
                counted.received = fact.amount
                counted.net += fact.amount
                if self._count(counted, fact.on, self.early_mode):
                    self.early_mode = SHORTEN
            case Bounce() | Refunded() | Reinstated():
                self._change_receipt(fact)
            case Pause():
                self._pause(fact)
            case Reschedule():
                self._reschedule(fact)
            case Remission():
                part = self._give_up(fact.id, fact.amount, fact.on, fact.mode, "remitted")
                self.remitted += part
            case WriteOff():
                part = self._give_up(fact.id, fact.amount, fact.on, SHORTEN, "writtenOff")
                self.written_off += part

    def _change_receipt(self, fact: Bounce | Refunded | Reinstated) -> None:
        counted = self.receipts.get(fact.receipt_id)
        if counted is None:
            self.ignored.append(Ignored(fact.id, LoanCode.UNKNOWN_RECEIPT))
            return
        if isinstance(fact, Reinstated):
            counted.net += fact.amount
            counted.last_reinstated = fact
        else:
            counted.net -= fact.amount
            counted.last_taken_back = fact
        # What comes in again is an early repayment as it was before; the borrower's choice is for a new receipt.
        mode = counted.taken_early.mode if counted.taken_early else SHORTEN
        self._count(counted, fact.on, mode)

    def _count(self, counted: _Counted, day: date, mode: Mode) -> bool:
        """Let a receipt count for what is left of it; tells whether part of that is an early repayment."""
        target = min(max(counted.net, 0), counted.received)
        change = target - counted.counts
        counted.counts = target
        if change < 0:
            self._reopen(counted, -change, day)
        return change > 0 and self._apply(counted, change, day, mode)

    def _apply(self, counted: _Counted, amount: int, day: date, mode: Mode) -> bool:
        """Fill what is due, oldest first, then repay early, and keep apart what is above the outstanding (SK-9)."""
        part = min(amount, self.outstanding)
        counted.excess += amount - part
        filled = self.plan.fill(part, day)
        counted.filled += filled
        early = part - sum(cents for _, cents in filled)
        if early:
            taken = self.plan.lessen(early, day, mode)
            if counted.taken_early is not None:
                taken.instalment = max(taken.instalment, counted.taken_early.instalment)
                taken.emptied += counted.taken_early.emptied
            counted.taken_early = taken
            counted.early += early
        self._lower_outstanding(part, "repaid")
        return early > 0

    def _reopen(self, counted: _Counted, amount: int, day: date) -> None:
        """Undo a receipt from its end: its excess, its early repayment, then what it filled, newest first (SK-12)."""
        part = min(amount, counted.excess)
        counted.excess -= part
        amount -= part
        self.outstanding += amount
        part = min(amount, counted.early)
        if part:
            assert counted.taken_early is not None, "what was repaid early was taken in some mode"
            self.plan.put_back(part, day, counted.taken_early)
            counted.early -= part
            amount -= part
        while amount:
            place, cents = counted.filled.pop()
            part = min(amount, cents)
            place.paid -= part
            amount -= part
            if part < cents:
                counted.filled.append((place, cents - part))

    def _give_up(self, fact_id: str, asked: Cents | None, day: date, mode: Mode, settled: Settled) -> int:
        """Take an amount, or everything, off what is not yet due and then off arrears (SK-7); gives how much."""
        if not self.outstanding:
            self.ignored.append(Ignored(fact_id, LoanCode.LOAN_SETTLED))
            return 0
        if asked is not None and asked > self.outstanding:
            self.ignored.append(Ignored(fact_id, LoanCode.ABOVE_OUTSTANDING))
        amount = self.outstanding if asked is None else min(asked, self.outstanding)
        not_yet_due = min(amount, sum(place.open for place in self.plan.to_come(day)))
        if not_yet_due:
            self.plan.lessen(not_yet_due, day, mode)
        self.plan.strike(amount - not_yet_due, day)
        self._lower_outstanding(amount, settled)
        return amount

    def _pause(self, fact: Pause) -> None:
        if not self.outstanding:
            self.ignored.append(Ignored(fact.id, LoanCode.LOAN_SETTLED))
        elif not self.plan.shift(fact.months, fact.from_on):
            self.ignored.append(Ignored(fact.id, LoanCode.NOTHING_TO_PAUSE))

    def _reschedule(self, fact: Reschedule) -> None:
        if not self.outstanding:
            self.ignored.append(Ignored(fact.id, LoanCode.LOAN_SETTLED))
            return
        if self.outstanding < fact.months:
            self.ignored.append(Ignored(fact.id, LoanCode.AMOUNT_TOO_SMALL))
        self.plan.spread_anew(fact.months, fact.on)

    def _lower_outstanding(self, amount: int, settled: Settled) -> None:
        self.outstanding -= amount
        if amount and not self.outstanding:
            self.settled = settled

    def state(self, terms: Terms) -> LoanState:
        """Freeze the copy."""
        places = [place for place in self.plan.places if place.amount]
        applied = {key: Cents(one.applied) for key, one in self.receipts.items() if one.applied}
        excess = {key: Cents(one.excess) for key, one in self.receipts.items() if one.excess}
        return LoanState(
            principal=terms.principal,
            instalments=tuple(
                Instalment(number, self.plan.due_on(place), Cents(place.amount), Cents(place.paid))
                for number, place in enumerate(places, start=1)
            ),
            outstanding=Cents(self.outstanding),
            repaid=Cents(sum(applied.values())),
            remitted=Cents(self.remitted),
            written_off=Cents(self.written_off),
            applied=MappingProxyType(applied),
            excess=MappingProxyType(excess),
            early_mode=self.early_mode,
            state="active" if self.outstanding else self.settled,
            ignored=(
                *self.ignored,
                *(one for counted in self.receipts.values() for one in counted.contradictions()),
            ),
        )
