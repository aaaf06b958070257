"""What people do with a loan: receive, announce an early repayment, pause, lower, remit, write off (SK-5, SK-7, SK-9).

A change that gives money up, or takes a loan past month 36, is proposed by one person and carried out by another;
every other change is carried out at once. Each can be asked as a preview first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.money import Cents
from sociaal_krediet.actions import keeping
from sociaal_krediet.models import Fact, Loan, Proposal
from sociaal_krediet.parameters import policy_on
from sociaal_krediet.queries import households, loans
from sociaal_krediet.refusals import (
    AlreadyDecided,
    ChangeRefused,
    Involved,
    SameSubject,
    UnknownLoan,
    UnknownProposal,
)
from sociaal_krediet.rules.facts import LoanCode, Mode
from sociaal_krediet.rules.loans import (
    LoanState,
    needs_second_person,
    refusal_of_early_repayment,
    refusal_of_pause,
    refusal_of_remission,
    refusal_of_reschedule,
)

_TEXTS: Mapping[LoanCode, str] = {
    LoanCode.LOAN_SETTLED: "Op deze lening staat niets meer open.",
    LoanCode.MONTHS_OUT_OF_RANGE: "Dat aantal maanden kan niet.",
    LoanCode.AMOUNT_TOO_SMALL: "Er staat te weinig open voor zoveel termijnen van ten minste een cent.",
    LoanCode.NOTHING_TO_PAUSE: "Vanaf die dag is er geen termijn die open staat.",
    LoanCode.ABOVE_OUTSTANDING: "Dat is meer dan er op de lening open staat.",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a loan that somebody asks for; which fields it has depends on its kind."""

    kind: str
    reason: str
    amount: int | None = None
    months: int | None = None
    from_on: date | None = None
    mode: Mode | None = None
    ground: str | None = None


@dataclass(frozen=True, slots=True)
class Previewed:
    """A loan as a change would leave it."""

    after: LoanState
    needs_second_person: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A change that was carried out (`fact`) or waits for a second person (`proposal`), and the loan after it."""

    id: UUID
    state: str
    after: LoanState


@dataclass(frozen=True, slots=True)
class Received:
    """What a receipt did to a loan: what counted, and what was above the outstanding and goes back."""

    fact: Fact
    counted: int
    returned: int
    after: LoanState


def locked_loan(db: Session, loan_id: UUID) -> Loan:
    """Lock a loan and give it."""
    loan = loans.find(db, loan_id, lock=True)
    if loan is None:
        raise UnknownLoan
    return loan


def receive(db: Session, loan: Loan, fact: Fact) -> Received:
    """Write down that money came in, and what it does (SK-9)."""
    after = keeping.record(db, loan, fact)
    counted = after.applied.get(str(fact.id), Cents(0))
    assert fact.amount is not None
    return Received(fact, counted, fact.amount - counted, after)


def receive_by_hand(
    db: Session, loan_id: UUID, amount: int, received_on: date, reference: str, caller: Caller
) -> Received:
    """Write down a receipt that finance saw on the bank account. Raises `ChangeRefused` for a day that cannot be."""
    loan = locked_loan(db, loan_id)
    today = business_date()
    if not loan.opened_on <= received_on <= today:
        raise ChangeRefused(
            f"Het geld kan niet op {received_on} ontvangen zijn: de lening begon op {loan.opened_on} en het is {today}.",
            code="dateOutOfRange",
            pointer="/receivedOn",
        )
    fact = keeping.new_fact(loan, "receipt", caller.subject, on=received_on, amount=amount, reference=reference)
    return receive(db, loan, fact)


def announce_early(db: Session, loan_id: UUID, amount: int, mode: Mode, caller: Caller) -> LoanState:
    """Keep what the next early repayment is to change, and show the loan as it would be after it (SK-5)."""
    loan = locked_loan(db, loan_id)
    _refuse(refusal_of_early_repayment(keeping.state_of(db, loan), Cents(amount)), "/amount")
    today = business_date()
    keeping.record(db, loan, keeping.new_fact(loan, "earlyMode", caller.subject, on=today, mode=mode))
    supposed = keeping.new_fact(loan, "receipt", caller.subject, on=today, amount=amount)
    return keeping.state_of(db, loan, [keeping.as_rule(supposed)])


def preview(db: Session, loan: Loan, change: Change) -> Previewed:
    """Show a loan as a change would leave it; nothing is stored. Raises `ChangeRefused`."""
    before = keeping.state_of(db, loan)
    _check(before, change)
    fact = _fact_of(loan, _resolved(before, change), "preview", None)
    after = keeping.state_of(db, loan, [keeping.as_rule(fact)])
    return Previewed(after, _needs_two(before, after, loan, change))


def ask(db: Session, loan_id: UUID, change: Change, caller: Caller) -> Changed:
    """Carry a change out, or propose it where the rules want a second person (SK-7, SK-9). Raises `ChangeRefused`."""
    loan = locked_loan(db, loan_id)
    _check_involved(db, loan, caller)
    previewed = preview(db, loan, change)
    if previewed.needs_second_person:
        proposal = Proposal(
            id=new_id(),
            loan_id=loan.id,
            kind=change.kind,
            amount=change.amount,
            months=change.months,
            from_on=change.from_on,
            mode=change.mode,
            ground=change.ground,
            reason=change.reason,
            state="proposed",
            proposed_by=caller.subject,
            proposed_on=business_date(),
            proposed_at=now(),
        )
        db.add(proposal)
        db.flush()
        return Changed(proposal.id, "proposed", previewed.after)
    fact = _fact_of(loan, _resolved(keeping.state_of(db, loan), change), caller.subject, None)
    return Changed(fact.id, "confirmed", keeping.record(db, loan, fact))


def confirm(db: Session, loan_id: UUID, proposal_id: UUID | None, kind: str, caller: Caller) -> Changed:
    """Carry out what another proposed, as the loan is now. Raises `SameSubject`, `AlreadyDecided`, `ChangeRefused`."""
    loan = locked_loan(db, loan_id)
    proposal = _open_proposal(db, loan, proposal_id, kind)
    if proposal.proposed_by == caller.subject:
        raise SameSubject("U stelde dit zelf voor; een ander bevestigt het.")
    _check_involved(db, loan, caller)
    mode: Mode | None = None if proposal.mode is None else "lower" if proposal.mode == "lower" else "shorten"
    change = Change(
        proposal.kind, proposal.reason, proposal.amount, proposal.months, proposal.from_on, mode, proposal.ground
    )
    before = keeping.state_of(db, loan)
    _check(before, change)
    fact = _fact_of(loan, _resolved(before, change), proposal.proposed_by, caller.subject)
    after = keeping.record(db, loan, fact)
    proposal.state, proposal.decided_by, proposal.decided_at = "confirmed", caller.subject, now()
    db.flush()
    return Changed(proposal.id, "confirmed", after)


def reject(db: Session, loan_id: UUID, proposal_id: UUID | None, kind: str, reason: str, caller: Caller) -> Changed:
    """End a proposal with a reason; who made it may do so too. Raises `AlreadyDecided`."""
    loan = locked_loan(db, loan_id)
    proposal = _open_proposal(db, loan, proposal_id, kind)
    proposal.state, proposal.rejection = "rejected", reason
    proposal.decided_by, proposal.decided_at = caller.subject, now()
    db.flush()
    return Changed(proposal.id, "rejected", keeping.state_of(db, loan))


def _open_proposal(db: Session, loan: Loan, proposal_id: UUID | None, kind: str) -> Proposal:
    proposal = loans.proposal(db, loan.id, proposal_id)
    if proposal is None or proposal.kind != kind:
        raise UnknownProposal
    if proposal.state != "proposed":
        raise AlreadyDecided("Over dit voorstel is al besloten.")
    return proposal


def _check_involved(db: Session, loan: Loan, caller: Caller) -> None:
    # SK-6: the resident can never be one of those who decide, nor anybody of the household that was helped.
    if caller.holder_id is not None and caller.holder_id in households.members(db, loan.application_id):
        raise Involved("U besluit niet over een lening van uzelf of uw eigen huishouden.")


def _check(state: LoanState, change: Change) -> None:
    match change.kind:
        case "pause":
            _refuse(refusal_of_pause(state, change.months or 0, change.from_on or business_date()), "/months")
        case "reschedule":
            _refuse(refusal_of_reschedule(state, change.months or 0), "/months")
        case _:
            amount = None if change.amount is None else Cents(change.amount)
            _refuse(refusal_of_remission(state, amount), "/amount")


def _refuse(code: LoanCode | None, pointer: str) -> None:
    if code is not None:
        raise ChangeRefused(_TEXTS[code], code=code.value, pointer=pointer)


def _needs_two(before: LoanState, after: LoanState, loan: Loan, change: Change) -> bool:
    if change.kind in ("remission", "writeOff"):
        return True
    most = policy_on(business_date()).most_months
    return needs_second_person(before, after, keeping.terms_of(loan), most)


def _resolved(state: LoanState, change: Change) -> Change:
    """Say in cents and days what "all" and "from today" are at this moment, so that the fact never means something else."""
    amount = change.amount
    if change.kind in ("remission", "writeOff") and amount is None:
        amount = state.outstanding
    from_on = change.from_on or business_date() if change.kind == "pause" else None
    return Change(change.kind, change.reason, amount, change.months, from_on, change.mode, change.ground)


def _fact_of(loan: Loan, change: Change, recorded_by: str, confirmed_by: str | None) -> Fact:
    reason = change.reason if change.ground is None else f"{change.ground}: {change.reason}"
    return keeping.new_fact(
        loan,
        change.kind,
        recorded_by,
        on=business_date(),
        amount=change.amount,
        months=change.months,
        from_on=change.from_on,
        mode=change.mode,
        reason=reason,
        confirmed_by=confirmed_by,
    )
