"""Keeping a loan: facts are written down, then the loan, its schedule and its postings are brought in line with them.

The state of a loan is always the replay of its facts in the order in which they took effect. What the wallet was
asked to post is kept too; what the replay comes to and was not asked yet is asked now. So a message that is late,
repeated or out of order changes nothing but the moment at which everything agrees again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.money import Cents
from sociaal_krediet import postings
from sociaal_krediet.actions import messages, notices, tasks
from sociaal_krediet.models import Booking, Fact, Loan, OpenInstalment
from sociaal_krediet.postings import Source
from sociaal_krediet.queries import loans, refunds
from sociaal_krediet.rules import facts as happened
from sociaal_krediet.rules.facts import LoanCode
from sociaal_krediet.rules.loans import LoanState, Terms
from sociaal_krediet.rules.replaying import replay
from sociaal_krediet.rules.schedules import Due

HOUSE = "house"
"""The source of facts that follow from others: what was paid above the outstanding goes back (SK-9)."""


def terms_of(loan: Loan) -> Terms:
    """Give what was agreed at the decision."""
    return Terms(Cents(loan.principal), loan.months, loan.first_due_on)


def state_of(db: Session, loan: Loan, more: Sequence[happened.Fact] = ()) -> LoanState:
    """Give the state of a loan from its facts, with `more` as if they had happened too."""
    return replay(terms_of(loan), [*map(as_rule, loans.facts(db, loan.id)), *more])


def as_rule(fact: Fact) -> happened.Fact:
    """Give a fact as the rules know it."""
    place = (str(fact.id), fact.effective_on, fact.effective_at)
    amount = Cents(fact.amount or 0)
    mode: happened.Mode = "lower" if fact.mode == "lower" else "shorten"
    match fact.kind:
        case "receipt":
            return happened.Receipt(*place, amount)
        case "bounce":
            return happened.Bounce(*place, str(fact.receipt_id), amount)
        case "reinstated":
            return happened.Reinstated(*place, str(fact.receipt_id), amount)
        case "refunded":
            return happened.Refunded(*place, str(fact.receipt_id), amount)
        case "earlyMode":
            return happened.EarlyMode(*place, mode)
        case "pause":
            return happened.Pause(*place, fact.months or 1, fact.from_on or fact.effective_on)
        case "reschedule":
            return happened.Reschedule(*place, fact.months or 1)
        case "remission":
            return happened.Remission(*place, amount, mode)
        case "writeOff":
            return happened.WriteOff(*place, amount)
        case _:
            raise AssertionError(f"there is no fact of kind {fact.kind}")


def new_fact(
    loan: Loan,
    kind: str,
    recorded_by: str,
    *,
    on: date,
    at: datetime | None = None,
    source: str = "person",
    source_id: str | None = None,
    **content: Any,
) -> Fact:
    """Make a fact that takes effect on a day, and within it now or `at`; what a person does is its own source."""
    fact_id = new_id()
    return Fact(
        id=fact_id,
        loan_id=loan.id,
        kind=kind,
        effective_on=on,
        effective_at=at or now(),
        source=source,
        source_id=source_id or str(fact_id),
        recorded_by=recorded_by,
        recorded_at=now(),
        **content,
    )


def record(db: Session, loan: Loan, fact: Fact) -> LoanState:
    """Write a fact down and bring its loan, which is locked, in line; gives the loan as it stands now."""
    db.add(fact)
    db.flush()
    state = state_of(db, loan)
    while any(state.excess.values()):
        _give_back(db, loan, state)
        state = state_of(db, loan)
    _book(db, loan, state)
    _keep(db, loan, state, fact)
    return state


def _give_back(db: Session, loan: Loan, state: LoanState) -> None:
    """Send back what receipts have above the outstanding; from then on it never counts for the loan again."""
    facts = loans.facts(db, loan.id)
    booked = _booked(loans.bookings(db, loan.id))
    for receipt in facts:
        amount = state.excess.get(str(receipt.id), Cents(0))
        if not amount:
            continue
        fact = new_fact(
            loan,
            "refunded",
            HOUSE,
            on=receipt.effective_on,
            at=receipt.effective_at,
            source=HOUSE,
            source_id=f"refund/{receipt.id}/{_refunds_of(facts, receipt.id) + 1}",
            amount=amount,
            receipt_id=receipt.id,
        )
        db.add(fact)
        db.flush()
        source, today = Source(receipt.source), business_date()
        counted = Cents(max(0, booked[receipt.id] - state.applied.get(str(receipt.id), Cents(0))))
        message = postings.overpayment(str(loan.id), loan.holder_id, f"{fact.id}/over", source, amount, counted, today)
        messages.post(db, loan, receipt.id, "overpayment", message, amount, -counted)
        if source is Source.STRIPE:
            messages.send_refund(db, refunds.ask(db, loan, receipt, fact))


def _booked(bookings: Sequence[Booking]) -> Mapping[UUID | None, int]:
    """Give what the wallet was asked to count as repaid, per receipt."""
    booked: dict[UUID | None, int] = defaultdict(int)
    for booking in bookings:
        booked[booking.fact_id] += booking.repaid
    return booked


def _refunds_of(facts: Sequence[Fact], receipt_id: UUID) -> int:
    return sum(fact.kind == "refunded" and fact.receipt_id == receipt_id for fact in facts)


@dataclass(frozen=True, slots=True)
class _Difference:
    """What the replay takes off the loan beyond what was booked; below 0 the borrower owes it again.

    `fact` is the receipt that it is of; without one it is of what was given up, and `kind` says which.
    """

    change: int
    kind: str
    key: str
    fact: Fact | None = None


def _book(db: Session, loan: Loan, state: LoanState) -> None:
    """Ask the wallet for the difference between what the replay comes to and what it was asked before."""
    # First what the borrower owes again: a receipt that becomes known after a remission takes part of that remission
    # back, and the account of the loan may not stand above 0 in between.
    for difference in sorted(_differences(db, loan, state), key=lambda one: one.change > 0):
        _ask_for(db, loan, difference)


def _differences(db: Session, loan: Loan, state: LoanState) -> Iterator[_Difference]:
    bookings = loans.bookings(db, loan.id)
    booked = _booked(bookings)
    times = Counter(booking.fact_id for booking in bookings)
    for fact in loans.facts(db, loan.id):
        change = state.applied.get(str(fact.id), Cents(0)) - booked[fact.id] if fact.kind == "receipt" else 0
        if change:
            kind = "repayment" if change > 0 else "bounce"
            yield _Difference(change, kind, f"{fact.id}/{times[fact.id] + 1}", fact)
    for kind, total in (("remission", state.remitted), ("write-off", state.written_off)):
        before = [booking.amount for booking in bookings if booking.kind == kind]
        if change := total - sum(before):
            yield _Difference(change, kind, f"{kind}/{len(before) + 1}")


def _ask_for(db: Session, loan: Loan, one: _Difference) -> None:
    loan_id, today, amount = str(loan.id), business_date(), Cents(abs(one.change))
    if one.fact is None:
        change = Cents(one.change)
        message = postings.given_up(loan_id, one.key, change, today, remission=one.kind == "remission")
        messages.post(db, loan, None, one.kind, message, change)
        return
    source = Source(one.fact.source)
    if one.change > 0:
        message = postings.repayment(loan_id, one.key, source, amount, today)
    else:
        assert source is Source.STRIPE, "nothing but a debit is ever taken back"
        message = postings.bounce(loan_id, one.key, amount, today)
    messages.post(db, loan, one.fact.id, one.kind, message, amount, one.change)


def _keep(db: Session, loan: Loan, state: LoanState, fact: Fact) -> None:
    schedule = [Due(i.number, i.due_on, i.amount) for i in state.instalments]
    if schedule != loans.version_lines(db, loan.id, loan.schedule_version):
        loans.keep_version(db, loan, schedule, fact.id)
        # Who owes nothing any more is told that, and of no schedule.
        if state.outstanding:
            notices.tell(db, loan.holder_id, "scheduleChanged", f"{loan.id}/{loan.schedule_version}", loan=loan)
    for fact_id, code in state.ignored:
        if code is LoanCode.BOUNCE_ABOVE_RECEIPT:
            text = "Er is meer teruggehaald dan van deze ontvangst nog meetelde. Zoek uit waar het verschil hoort."
            tasks.add(db, loan, "bounceAboveReceipt", fact_id, text)
    was_open = loan.outstanding > 0
    loan.state, loan.early_mode = state.state, state.early_mode
    loan.repaid, loan.outstanding = state.repaid, state.outstanding
    loan.remitted, loan.written_off = state.remitted, state.written_off
    if state.outstanding:
        loan.settled_on = None
    elif was_open:
        loan.settled_on = business_date()
        notices.tell(db, loan.holder_id, "settled", f"{loan.id}/{fact.id}", loan=loan)
    db.flush()
    keep_open_instalments(db, loan, state)


def keep_open_instalments(db: Session, loan: Loan, state: LoanState) -> None:
    """Write down which instalments are not wholly paid."""
    rows = [
        OpenInstalment(loan_id=loan.id, number=i.number, due_on=i.due_on, amount=i.amount, paid=i.paid)
        for i in state.instalments
        if i.paid < i.amount
    ]
    loans.replace_open_instalments(db, loan.id, rows)
