"""The decision of an officer: a loan, a gift or a refusal (SK-1, SK-6, SK-7, SK-11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session
from stdnum.iso7064 import mod_97_10

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.money import Cents
from foundation.objections import object_until
from sociaal_krediet.actions import keeping, messages, notices
from sociaal_krediet.actions.applying import cap_of, check_cap, check_terms
from sociaal_krediet.models import Application, Decision, Gift, Loan
from sociaal_krediet.parameters import PRODUCTS, policy_on
from sociaal_krediet.queries import applications, households, loans
from sociaal_krediet.refusals import (
    Incomplete,
    Involved,
    NotSubmitted,
    ProductRefused,
    TermsRefused,
    UnknownApplication,
)
from sociaal_krediet.rules.products import Product, in_force, product_on
from sociaal_krediet.rules.schedules import default_first_due, due_on, schedule
from sociaal_krediet.schemas.applications import DecisionIn

LATEST_FIRST_DUE_MONTHS = 6
"""A first instalment further away than this is a mistake in the date, or a pause that is to be asked as one."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision and what it brought."""

    decision: Decision
    loan: Loan | None = None
    gift: Gift | None = None


def decide(db: Session, application_id: UUID | None, asked: DecisionIn, caller: Caller) -> Decided:
    """Decide on an application, once, under a lock on everybody in the household (SK-1).

    Raises `UnknownApplication`, `NotSubmitted`, `Involved`, `OverCap`, `ProductRefused`, `TermsRefused`, `Incomplete`.
    """
    application = applications.find(db, application_id, lock=True)
    if application is None:
        raise UnknownApplication
    if application.state != "submitted":
        raise NotSubmitted("Over deze aanvraag is al besloten, of zij is ingetrokken.")
    members = households.members(db, application.id)
    _check_people(application, members, caller)
    households.lock(db, members)
    test = cap_of(db, application.household_size, members, application.amount)
    if asked.outcome != "refused":
        check_cap(test, application.amount)
    product = _product(asked)
    today = business_date()
    decision = Decision(
        id=new_id(),
        application_id=application.id,
        applied_by=application.applied_by,
        outcome=asked.outcome,
        product=product.code if product else None,
        legal_basis=product.legal_basis if product else None,
        reason=asked.reason,
        amount=application.amount,
        cap=test.cap,
        outstanding=test.outstanding,
        decided_by=caller.subject,
        decided_on=today,
        decided_at=now(),
        object_until=object_until(today, policy_on(today).objection_weeks),
    )
    decided = Decided(decision)
    if product is not None:
        decided = Decided(decision, loan=_open_loan(db, application, decision, product, asked))
    elif asked.outcome == "gift":
        decided = Decided(decision, gift=_give(db, application, decision))
    else:
        db.add(decision)
    application.state = "decided"
    db.flush()
    notices.tell(db, application.holder_id, "decision", str(decision.id), application_id=application.id)
    return decided


def _check_people(application: Application, members: list[str], caller: Caller) -> None:
    if caller.subject == application.applied_by:
        raise Involved("U vroeg dit zelf aan; een ander besluit erover.")
    if caller.holder_id in members:
        raise Involved("U besluit niet over een aanvraag van uzelf of uw eigen huishouden.")


def _product(asked: DecisionIn) -> Product | None:
    if asked.outcome != "loan":
        if asked.product is not None:
            raise Incomplete("Alleen een lening heeft een product.", code="productNotForThis", pointer="/product")
        return None
    if asked.product is None:
        raise Incomplete("Noem het product van de lening.", code="productMissing", pointer="/product")
    today = business_date()
    found = product_on(PRODUCTS, asked.product, today)
    if found is None:
        known = ", ".join(sorted(product.code for product in in_force(PRODUCTS, today)))
        text = f"Product {asked.product} heeft op {today} geen wettelijke grondslag. Wel: {known}."
        raise ProductRefused(text, code="noLegalBasis", pointer="/product")
    return found


def _open_loan(db: Session, application: Application, decision: Decision, product: Product, asked: DecisionIn) -> Loan:
    months = application.months if asked.months is None else asked.months
    if months is None:
        raise Incomplete(
            "Er is een gift gevraagd. Noem bij een lening het aantal maanden.", code="monthsMissing", pointer="/months"
        )
    check_terms(application.amount, months)
    first_due_on = asked.first_due_on or default_first_due(decision.decided_on)
    _check_first_due(first_due_on, decision.decided_on)
    number = loans.next_number(db)
    loan = Loan(
        id=new_id(),
        number=number,
        decision_id=decision.id,
        application_id=application.id,
        holder_id=application.holder_id,
        helper=application.applied_by,
        product=product.code,
        rf_reference=creditor_reference(number),
        principal=application.amount,
        months=months,
        first_due_on=first_due_on,
        opened_on=decision.decided_on,
        state="active",
        repaid=0,
        outstanding=application.amount,
        remitted=0,
        written_off=0,
        early_mode="shorten",
        schedule_version=0,
    )
    db.add(decision)
    db.flush()
    db.add(loan)
    db.flush()
    loans.keep_version(db, loan, schedule(Cents(loan.principal), months, first_due_on), None)
    keeping.keep_open_instalments(db, loan, keeping.state_of(db, loan))
    messages.send_loan(db, loan, decision, applications.creditors(db, application.id))
    return loan


def _check_first_due(first_due_on: date, decided_on: date) -> None:
    latest = due_on(decided_on, LATEST_FIRST_DUE_MONTHS + 1)
    if not decided_on < first_due_on <= latest:
        raise TermsRefused(
            f"De eerste termijn valt na {decided_on} en uiterlijk op {latest}; gevraagd is {first_due_on}.",
            code="firstDueOutOfRange",
            pointer="/firstDueOn",
        )


def _give(db: Session, application: Application, decision: Decision) -> Gift:
    db.add(decision)
    db.flush()
    gift = Gift(
        id=new_id(),
        decision_id=decision.id,
        application_id=application.id,
        holder_id=application.holder_id,
        amount=application.amount,
        given_on=decision.decided_on,
    )
    db.add(gift)
    db.flush()
    messages.send_gift(db, gift, decision, applications.creditors(db, application.id))
    return gift


def creditor_reference(number: int) -> str:
    """Give the RF creditor reference (ISO 11649) of a loan: what a bank transfer is recognised by."""
    body = f"SK{number:010d}"
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"
