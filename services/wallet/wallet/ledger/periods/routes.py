"""Periods over HTTP: which months are closed, and closing one with two people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.periods import Month
from foundation.refusals import BadRequest, NotFound
from foundation.schemas import PageOut
from wallet.ledger.actions.reading import proposal_id_in
from wallet.ledger.periods import actions, queries
from wallet.ledger.periods.schemas import ClosingDecidedOut, ClosingIn, OnePeriodOut, PeriodOut
from wallet.ledger.schemas import ConfirmationIn, ProposedOut, RejectionIn

router = APIRouter(tags=["periods"])

Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
FinanceOrAuditor = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]
Id = Annotated[str, Path(max_length=60)]


async def _month(month: str) -> Month:
    try:
        return Month.parse(month)
    except ValueError as error:
        raise NotFound(f"{month} is geen maand; schrijf haar als 2026-09.", code="unknownMonth") from error


MonthPath = Annotated[Month, Depends(_month)]


@router.get("/periods")
def get_periods(
    _: FinanceOrAuditor,
    db: ReadSession,
    request: Request,
    response: Response,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[PeriodOut]:
    """The months that were closed or have journals, newest first."""
    position = decode_cursor(cursor, before=str)
    found = queries.months_before(db, _month_in(position["before"]).start if position else None, limit + 1)
    closes = queries.closes_of(db, [row.month for row in found])
    next_cursor = encode_cursor({"before": str(Month.of(found[limit - 1].month))}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    items = [
        PeriodOut.closed(closes[row.month]) if row.closed else PeriodOut.open(Month.of(row.month), row.journals)
        for row in found[:limit]
    ]
    return PageOut(items=items, next_cursor=next_cursor)


@router.get("/periods/{month}")
def get_period(month: MonthPath, _: FinanceOrAuditor, db: ReadSession) -> OnePeriodOut:
    """One month, with the proposals to close it that wait for a second person."""
    return OnePeriodOut.of(_period(db, month), queries.proposed_closings(db, month))


@router.post("/periods/{month}/closings", status_code=202, response_model=ProposedOut)
def post_closing(
    month: MonthPath, caller: Maker, command: IdempotentCommand, body: ClosingIn | None = None
) -> Response:
    """Propose to close a month that has ended."""
    reason = body.reason if body else None
    return command.once(body, lambda db: ProposedOut(id=actions.propose_closing(db, month, reason, caller).id), 202)


@router.post("/periods/{month}/closings/{proposal_id}/confirmations", status_code=201, response_model=ClosingDecidedOut)
def post_closing_confirmation(
    month: MonthPath,
    proposal_id: Id,
    caller: Checker,
    command: IdempotentCommand,
    body: ConfirmationIn | None = None,
) -> Response:
    """Close the month as somebody else proposed."""

    def confirm(db: Session) -> ClosingDecidedOut:
        known = proposal_id_in(proposal_id)
        actions.confirm_closing(db, month, known, caller)
        return ClosingDecidedOut(id=known, state="confirmed", period=_period(db, month))

    return command.once(body, confirm)


@router.post("/periods/{month}/closings/{proposal_id}/rejections", status_code=201, response_model=ClosingDecidedOut)
def post_closing_rejection(
    month: MonthPath, proposal_id: Id, body: RejectionIn, caller: Checker, command: IdempotentCommand
) -> Response:
    """End a closing that somebody else proposed, with a reason."""

    def reject(db: Session) -> ClosingDecidedOut:
        known = proposal_id_in(proposal_id)
        actions.reject_closing(db, month, known, body.reason, caller)
        return ClosingDecidedOut(id=known, state="rejected", period=_period(db, month))

    return command.once(body, reject)


def _period(db: Session, month: Month) -> PeriodOut:
    close = queries.close_of(db, month)
    if close is not None:
        return PeriodOut.closed(close)
    if queries.closed_month_of(db, month.start) is not None:
        return PeriodOut.passed_over(month)
    return PeriodOut.open(month, queries.open_journals(db, month))


def _month_in(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise BadRequest("cursor is not one that we gave", pointer="cursor", code="unknownCursor") from error
