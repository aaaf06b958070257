"""Loans over HTTP: as they stand, as they were, and what is received on them (SK-3, SK-5, SK-9)."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, anyone_signed_in, require
from foundation.clock import business_date
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.money import Cents
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from sociaal_krediet.actions import applying, changing, keeping
from sociaal_krediet.models import Loan
from sociaal_krediet.queries import applications, loans
from sociaal_krediet.routes.visibility import loan_id_of, visible_loan
from sociaal_krediet.rules.arrears import days_late, overdue
from sociaal_krediet.rules.loans import LoanState
from sociaal_krediet.rules.schedules import schedule
from sociaal_krediet.schemas.applications import CreditorOut
from sociaal_krediet.schemas.changes import ProposalOut
from sociaal_krediet.schemas.loans import (
    DueOut,
    EarlyRepaymentIn,
    FactOut,
    InstalmentOut,
    LoanOut,
    LoanSummaryOut,
    PreviewOut,
    RepaymentIn,
    RepaymentOut,
    ScheduleIn,
    ScheduleOut,
    VersionOut,
)
from sociaal_krediet.schemas.loans import LoanState as LoanStateName

router = APIRouter(tags=["loans"])

Reader = Annotated[
    Caller,
    require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_MAKER, Role.FINANCE_CHECKER),
]


@router.post("/loan-schedules", response_model=ScheduleOut)
def post_schedule(body: ScheduleIn, caller: Annotated[Caller, anyone_signed_in()]) -> ScheduleOut:
    """Show in which instalments an amount would be repaid (SK-3); nothing is stored and no cap is tested."""
    applying.check_terms(body.amount, body.months)
    made = schedule(Cents(body.amount), body.months, body.first_due_on)
    return ScheduleOut(instalments=[DueOut.model_validate(due) for due in made])


@router.get("/loans")
def get_loans(
    request: Request,
    response: Response,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    helper: Annotated[str | None, Query(max_length=200)] = None,
    holder_id: Annotated[str | None, Query(alias="holderId", max_length=100)] = None,
    state: Annotated[LoanStateName | None, Query()] = None,
    late: Annotated[bool, Query(description="Only loans with an instalment that is late.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[LoanSummaryOut]:
    """List loans, newest first; a helper sees those they applied for, a pass holder their own."""
    today = business_date()
    if not caller.has(Role.CASEWORKER, Role.AUDITOR):
        helper, holder_id = (caller.subject, holder_id) if caller.has(Role.HELPER) else (None, caller.holder_id or "")
    position = decode_cursor(cursor, number=int)
    sought = loans.Sought(helper, holder_id, state, today if late else None)
    rows = loans.page(db, sought, today, position["number"] if position else None, limit + 1)
    following = encode_cursor({"number": rows[limit - 1].number}) if len(rows) > limit else None
    link_next(request, response, following)
    items = [
        LoanSummaryOut.model_validate({**row._mapping, "days_late": _days_since(row.oldest, today)})
        for row in rows[:limit]
    ]
    return PageOut(items=items, next_cursor=following)


def _days_since(due_on: date | None, today: date) -> int:
    return 0 if due_on is None else (today - due_on).days


@router.get("/loans/{loan_id}")
def get_loan(loan_id: str, caller: Reader, db: ReadSession) -> LoanOut:
    """Give a loan with its instalments and whom it is paid to."""
    loan = visible_loan(db, caller, loan_id)
    return loan_out(db, loan, keeping.state_of(db, loan))


@router.get("/loans/{loan_id}/schedules")
def get_schedules(loan_id: str, caller: Reader, db: ReadSession) -> PageOut[VersionOut]:
    """List every schedule that was ever in force, newest first."""
    loan = visible_loan(db, caller, loan_id)
    return PageOut(
        items=[
            VersionOut(
                version=row.version,
                made_on=row.made_on,
                fact_id=row.fact_id,
                instalments=[DueOut.model_validate(due) for due in loans.version_lines(db, loan.id, row.version)],
            )
            for row in loans.versions(db, loan.id)
        ]
    )


@router.get("/loans/{loan_id}/events")
def get_events(loan_id: str, caller: Reader, db: ReadSession) -> PageOut[FactOut]:
    """List everything that happened to a loan, in the order in which it was recorded."""
    loan = visible_loan(db, caller, loan_id)
    return PageOut(items=[FactOut.model_validate(fact) for fact in loans.facts(db, loan.id)])


@router.get("/loans/{loan_id}/proposals")
def get_proposals(
    loan_id: str, caller: Annotated[Caller, require(Role.HELPER, Role.CASEWORKER, Role.AUDITOR)], db: ReadSession
) -> PageOut[ProposalOut]:
    """List what was proposed for a loan, newest first."""
    loan = visible_loan(db, caller, loan_id)
    return PageOut(items=[ProposalOut.model_validate(row) for row in loans.proposals(db, loan.id)])


@router.post("/loans/{loan_id}/repayments", status_code=201, response_model=RepaymentOut)
def post_repayment(
    loan_id: str,
    body: RepaymentIn,
    caller: Annotated[Caller, require(Role.FINANCE_MAKER)],
    command: IdempotentCommand,
) -> Response:
    """Write down money that arrived on the bank account without the loan's RF reference (SK-9)."""

    def act(db: Session) -> RepaymentOut:
        received = changing.receive_by_hand(
            db, loan_id_of(loan_id), body.amount, body.received_on, body.reference, caller
        )
        return RepaymentOut(
            id=received.fact.id,
            amount=body.amount,
            counted=received.counted,
            returned=received.returned,
            outstanding=received.after.outstanding,
            state=received.after.state,
        )

    return command.once(body, act)


@router.post("/loans/{loan_id}/early-repayments", response_model=PreviewOut)
def post_early_repayment(
    loan_id: str,
    body: EarlyRepaymentIn,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER)],
    command: IdempotentCommand,
) -> Response:
    """Show the schedule as an early repayment would leave it, and keep the choice for the next receipt (SK-5)."""

    def act(db: Session) -> PreviewOut:
        loan = visible_loan(db, caller, loan_id)
        after = changing.announce_early(db, loan.id, body.amount, body.mode, caller)
        return PreviewOut(outstanding=after.outstanding, mode=body.mode, instalments=instalments_out(after))

    return command.once(body, act, 200)


def loan_out(db: Session, loan: Loan, state: LoanState) -> LoanOut:
    """Give a loan as it stands."""
    today = business_date()
    return LoanOut(
        **{name: getattr(loan, name) for name in _LOAN_FIELDS},
        days_late=days_late(state, today),
        arrears=overdue(state, today),
        instalments=instalments_out(state),
        creditors=[CreditorOut.model_validate(one) for one in applications.creditors(db, loan.application_id)],
    )


_LOAN_FIELDS = sorted(set(LoanOut.model_fields) - {"days_late", "arrears", "instalments", "creditors"})


def instalments_out(state: LoanState) -> list[InstalmentOut]:
    """Give the instalments in force, each with how late it is."""
    today = business_date()
    return [
        InstalmentOut(
            number=one.number,
            due_on=one.due_on,
            amount=one.amount,
            paid=one.paid,
            state=one.state,
            days_late=max(0, (today - one.due_on).days) if one.open else 0,
        )
        for one in state.instalments
    ]
