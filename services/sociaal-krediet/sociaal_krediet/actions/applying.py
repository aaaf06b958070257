"""An application: checked while it is filled in, submitted by a helper, withdrawn (SK-1, SK-2, SK-6, SK-8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.money import Cents, euros
from foundation.refusals import Problem
from sociaal_krediet.models import Application, Creditor, Document, HouseholdMember
from sociaal_krediet.parameters import policy_on
from sociaal_krediet.queries import applications, households
from sociaal_krediet.refusals import (
    Incomplete,
    Involved,
    NotSubmitted,
    OverCap,
    TermsRefused,
    UnknownApplication,
    UnknownHolder,
)
from sociaal_krediet.rules.caps import CapTest, against_cap, refusal_of_lines
from sociaal_krediet.rules.completeness import CreditorLine, Draft, Missing, missing
from sociaal_krediet.rules.schedules import refusal_of_terms
from sociaal_krediet.schemas.applications import ApplicationIn, DraftIn


@dataclass(frozen=True, slots=True)
class KnownPayee:
    """A creditor's account as the wallet keeps it."""

    payee_id: UUID
    iban_id: UUID


def check_terms(amount: int, months: int) -> None:
    """Raise `TermsRefused` where no schedule can be made (SK-2, SK-3)."""
    most = policy_on(business_date()).most_months
    code = refusal_of_terms(Cents(amount), months, most)
    if code == "monthsOutOfRange":
        raise TermsRefused(
            f"Een lening loopt 1 tot en met {most} maanden; gevraagd is {months}.", code=code, pointer="/months"
        )
    if code is not None:
        raise TermsRefused(
            f"€ {euros(amount)} is te weinig voor {months} termijnen van ten minste een cent.",
            code=code,
            pointer="/amount",
        )


def cap_of(db: Session, household_size: int, members: Sequence[str], amount: int = 0) -> CapTest:
    """Give the cap of a household, what its members have outstanding, and the room left (SK-1)."""
    outstanding = households.outstanding(db, members)
    return against_cap(household_size, outstanding, Cents(amount), policy_on(business_date()).caps)


def check_cap(test: CapTest, amount: int) -> None:
    """Raise `OverCap` where an amount goes above the room that is left (SK-1)."""
    if test.over:
        text = (
            f"€ {euros(amount)} is te veel: dit huishouden mag ten hoogste € {euros(test.cap)} open hebben staan,"
            f" heeft al € {euros(test.outstanding)} en kan nog € {euros(test.room)} krijgen."
        )
        told = {"cap": test.cap, "outstanding": test.outstanding, "room": test.room}
        raise OverCap(text, errors=[Problem("/amount", OverCap.code, text, told)])


def still_missing(draft: DraftIn) -> Sequence[Missing]:
    """Give what an application still lacks (SK-6, SK-8)."""
    household = draft.household
    return missing(
        Draft(
            holder_id=draft.holder_id,
            household_size=household.size if household else None,
            members=tuple(household.members) if household else (),
            kind=draft.kind,
            amount=Cents(draft.amount) if draft.amount else None,
            months=draft.months,
            acute_need=draft.acute_need,
            perspective=draft.perspective,
            consent_given_on=draft.consent_given_on,
            creditors=tuple(
                CreditorLine(one.name, one.iban is not None, one.reference, Cents(one.amount) if one.amount else None)
                for one in draft.creditors
            ),
        ),
        business_date(),
    )


def without_ibans(body: ApplicationIn | DraftIn) -> dict[str, Any]:
    """Give what makes a request the same as an earlier one: the wallet itself tells one IBAN from another."""
    return body.model_dump(mode="json", by_alias=True, exclude={"creditors": {"__all__": {"iban"}}})


def members_of(asked: ApplicationIn) -> list[str]:
    """Give everybody known in the household that is applied for."""
    return sorted({asked.holder_id, *asked.household.members})


def check(db: Session, asked: ApplicationIn, caller: Caller) -> None:
    """Raise what stands in the way of an application: `Involved`, `Incomplete`, `TermsRefused`, `OverCap`."""
    members = members_of(asked)
    if caller.holder_id in members:
        raise Involved("U vraagt niets aan voor uzelf of uw eigen huishouden; laat een andere hulpverlener dat doen.")
    code = refusal_of_lines(Cents(asked.amount), [Cents(one.amount) for one in asked.creditors])
    if code is not None:
        raise Incomplete(_text_about_lines(asked), code=code, pointer="/creditors")
    still = still_missing(DraftIn.model_validate(asked.model_dump()))
    if still:
        raise Incomplete(still[0].message, code="incomplete", pointer=still[0].pointer)
    if asked.kind == "loan" and asked.months is not None:
        check_terms(asked.amount, asked.months)
    check_cap(cap_of(db, asked.household.size, members, asked.amount), asked.amount)


def _text_about_lines(asked: ApplicationIn) -> str:
    if not asked.creditors:
        return "Noem aan wie wij het geld betalen: ten minste een schuldeiser, nooit de hulpverlener."
    total = sum(one.amount for one in asked.creditors)
    return f"De schuldeisers krijgen samen € {euros(total)}, maar gevraagd is € {euros(asked.amount)}."


def refuse_unknown(asked: ApplicationIn, unknown: Sequence[str]) -> None:
    """Raise `UnknownHolder` where the wallet knows nobody under one of the ids of a household."""
    if unknown:
        pointer = "/holderId" if asked.holder_id in unknown else "/household/members"
        text = f"Wij kennen niemand met nummer {', '.join(unknown)}. Laat deze bewoner eerst inschrijven."
        raise UnknownHolder(text, pointer=pointer)


def apply_for(db: Session, asked: ApplicationIn, payees: Sequence[KnownPayee], caller: Caller) -> Application:
    """Write an application down; its creditors' accounts are with the wallet already. Raises `OverCap`."""
    check(db, asked, caller)
    members = members_of(asked)
    application = Application(
        id=new_id(),
        holder_id=asked.holder_id,
        kind=asked.kind,
        amount=asked.amount,
        months=asked.months if asked.kind == "loan" else None,
        household_size=asked.household.size,
        acute_need=asked.acute_need,
        perspective=asked.perspective,
        advice=asked.advice,
        consent_given_on=asked.consent_given_on,
        state="submitted",
        applied_by=caller.subject,
        applied_on=business_date(),
        applied_at=now(),
    )
    households.register(db, members)
    db.add(application)
    db.flush()
    db.add_all(HouseholdMember(application_id=application.id, holder_id=member) for member in members)
    db.add_all(
        Document(application_id=application.id, number=number, title=document.title, reference=document.reference)
        for number, document in enumerate(asked.documents, start=1)
    )
    db.add_all(
        Creditor(
            application_id=application.id,
            number=number,
            payee_id=payee.payee_id,
            iban_id=payee.iban_id,
            name=creditor.name,
            reference=creditor.reference,
            amount=creditor.amount,
            state="asked",
        )
        for number, (creditor, payee) in enumerate(zip(asked.creditors, payees, strict=True), start=1)
    )
    db.flush()
    return application


def withdraw(db: Session, application_id: UUID | None, caller: Caller) -> Application:
    """Withdraw an application on which nobody has decided. Raises `UnknownApplication`, `NotSubmitted`."""
    application = applications.find(db, application_id, lock=True)
    if application is None or application.applied_by != caller.subject:
        raise UnknownApplication
    if application.state != "submitted":
        raise NotSubmitted("Over deze aanvraag is al besloten, of zij is al ingetrokken.")
    application.state = "withdrawn"
    db.flush()
    return application
