"""What people read: decisions, notices and letters, put into words when they are asked for."""

from __future__ import annotations

from sqlmodel import Session

from foundation.clock import business_date
from foundation.money import Cents
from foundation.objections import Objection
from sociaal_krediet.actions import keeping
from sociaal_krediet.models import Application, Decision, Loan, Notice
from sociaal_krediet.parameters import PRODUCTS
from sociaal_krediet.queries import applications, loans
from sociaal_krediet.rules.arrears import overdue
from sociaal_krediet.rules.products import product_on
from sociaal_krediet.rules.reasons import (
    Outcome,
    Paid,
    Words,
    arrears_over_words,
    arrears_words,
    decision_words,
    schedule_changed_words,
    settled_words,
)
from sociaal_krediet.rules.schedules import schedule
from sociaal_krediet.schemas.applications import DecisionOut
from sociaal_krediet.schemas.messages import NoticeOut


def words_of_decision(db: Session, application: Application, decision: Decision, address: str) -> Words:
    """Put a decision into the words of its letter."""
    paid = applications.creditors(db, application.id) if decision.outcome != "refused" else ()
    loan = applications.loan_of(db, application.id)
    outcome = Outcome(
        kind=decision.outcome,  # type: ignore[arg-type]  # a constraint of the database
        amount=Cents(decision.amount),
        reason=decision.reason,
        paid=[Paid(creditor.name, Cents(creditor.amount)) for creditor in paid],
        schedule=schedule(Cents(loan.principal), loan.months, loan.first_due_on) if loan else (),
        product=product_on(PRODUCTS, decision.product, decision.decided_on) if decision.product else None,
    )
    number = f"SK-{application.number}"
    return decision_words(outcome, Objection(number, decision.object_until, address))


def decision_out(db: Session, application: Application, decision: Decision, address: str) -> DecisionOut:
    """Give a decision with the letter in which the resident is told."""
    return DecisionOut(
        id=decision.id,
        outcome=decision.outcome,
        product=decision.product,
        legal_basis=decision.legal_basis,
        reason=decision.reason,
        decided_by=decision.decided_by,
        decided_on=decision.decided_on,
        object_until=decision.object_until,
        letter=words_of_decision(db, application, decision, address).text,
    )


def words_of_settlement(db: Session, loan: Loan) -> Words:
    """Put the end of a loan into words; the loan is settled."""
    assert loan.state != "active", "a loan that is still open has no settlement letter"
    returned = sum(fact.amount or 0 for fact in loans.facts(db, loan.id) if fact.kind == "refunded")
    return settled_words(loan.state, Cents(loan.principal), Cents(loan.repaid), Cents(returned))  # type: ignore[arg-type]


def notice_out(db: Session, notice: Notice, address: str) -> NoticeOut:
    """Give a notice with its words."""
    words = _words_of(db, notice, address)
    return NoticeOut(
        id=notice.id,
        kind=notice.kind,
        subject=words.subject,
        text=words.text,
        application_id=notice.application_id,
        loan_id=notice.loan_id,
        made_on=notice.made_on,
        read_at=notice.read_at,
    )


def _words_of(db: Session, notice: Notice, address: str) -> Words:
    if notice.kind == "decision":
        application = applications.find(db, notice.application_id)
        decision = applications.decision_of(db, application.id) if application else None
        assert application is not None and decision is not None, "a notice of a decision has one"
        return words_of_decision(db, application, decision, address)
    loan = loans.find(db, notice.loan_id)
    assert loan is not None, "every other notice is about a loan"
    state = keeping.state_of(db, loan)
    # What a notice told may be over by the time it is read: then it tells how the loan stands.
    if not state.outstanding:
        return words_of_settlement(db, loan)
    match notice.kind:
        case "arrears" if late := overdue(state, business_date()):
            return arrears_words(state.open_instalments[0], late, loan.rf_reference)
        case "arrears":
            return arrears_over_words(state)
        case _:
            return schedule_changed_words(state)
