"""Closing quarters, and the decisions that followed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from burgerbudget.actions import closings
from burgerbudget.queries import closings as closing_queries
from burgerbudget.queries import decisions, participants
from burgerbudget.refusals import UnknownDecision
from burgerbudget.routes.bells import ring_jobs
from burgerbudget.routes.visibility import may_see_participant
from burgerbudget.schemas import DecisionOut, QuarterStateOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.periods import Quarter
from foundation.refusals import NotFound

router = APIRouter(tags=["quarters"])


async def _quarter(quarter: str) -> Quarter:
    try:
        return Quarter.parse(quarter)
    except ValueError as error:
        raise NotFound(f"{quarter} is geen kwartaal; schrijf het als 2026-Q3.", code="unknownQuarter") from error


QuarterPath = Annotated[Quarter, Depends(_quarter)]


@router.post("/quarters/{quarter}/closings", status_code=202, response_model=QuarterStateOut)
def post_closing(
    request: Request,
    quarter: QuarterPath,
    caller: Annotated[Caller, require(Role.FINANCE_MAKER)],
    command: IdempotentCommand,
) -> Response:
    """Close a quarter that has ended; asked again, nothing more happens."""

    def act(db: Session) -> QuarterStateOut:
        row = closings.start_closing(db, quarter, caller.actor)
        after_commit(db, lambda: ring_jobs(request))
        return QuarterStateOut.of(str(quarter), row)

    return command.once(None, act, 202)


@router.post("/quarters/{quarter}/resumptions", status_code=202, response_model=QuarterStateOut)
def post_resumption(
    quarter: QuarterPath, caller: Annotated[Caller, require(Role.FINANCE_MAKER)], command: IdempotentCommand
) -> Response:
    """Go on with a closing that the fund could not pay, after a deposit."""
    return command.once(None, lambda db: QuarterStateOut.of(str(quarter), closings.resume(db, quarter)), 202)


@router.get("/quarters/{quarter}")
def get_quarter(
    quarter: QuarterPath,
    caller: Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)],
    db: ReadSession,
) -> QuarterStateOut:
    """Tell where the close of a quarter stands."""
    return QuarterStateOut.of(str(quarter), closing_queries.find(db, quarter))


@router.get("/decisions/{decision_id}")
def get_decision(
    decision_id: str,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
) -> DecisionOut:
    """Show one decision with what it was based on: the way from a euro back to its hours."""
    key = identifier(decision_id)
    row = None if key is None else decisions.find(db, key)
    if row is None or not _may_see(db, caller, row.participant_number):
        raise UnknownDecision(f"Besluit {decision_id} is niet bekend.")
    return DecisionOut.of(row)


def _may_see(db: Session, caller: Caller, number: str) -> bool:
    participant = participants.find(db, number)
    return participant is not None and may_see_participant(caller, participant)
