"""Organisations and participants."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from burgerbudget.actions import enrolment
from burgerbudget.queries import decisions, hours, participants
from burgerbudget.refusals import UnknownParticipant
from burgerbudget.routes.visibility import may_see_participant, visible_participant
from burgerbudget.schemas import (
    DecisionOut,
    EnrolledOut,
    HourOut,
    OrganisationIn,
    OrganisationOut,
    ParticipantIn,
    ParticipantOut,
    RestartIn,
)
from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.schemas import PageOut

router = APIRouter(tags=["enrolment"])


@router.post("/organisations", status_code=201, response_model=OrganisationOut)
def post_organisation(
    body: OrganisationIn, caller: Annotated[Caller, require(Role.CASEWORKER)], command: IdempotentCommand
) -> Response:
    """Register an organisation; one that pays an allowance is registered too, and its hours are refused."""
    return command.once(
        body,
        lambda db: OrganisationOut.of(enrolment.register_organisation(db, **body.model_dump(), actor=caller.actor)),
    )


@router.post("/participants", status_code=201, response_model=EnrolledOut)
def post_participant(
    body: ParticipantIn, caller: Annotated[Caller, require(Role.CASEWORKER)], command: IdempotentCommand
) -> Response:
    """Enrol somebody (BB-1)."""
    return command.once(body, lambda db: EnrolledOut.of(enrolment.enrol(db, **body.model_dump(), actor=caller.actor)))


@router.get("/participants")
def get_participants(
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    holder_id: Annotated[str, Query(alias="holderId", max_length=100, pattern=r"^[A-Za-z0-9._-]+$")],
) -> PageOut[EnrolledOut]:
    """Find the participation of one person: a pass holder finds only their own, for others the list is empty."""
    number = participants.number_of_holder(db, holder_id)
    row = None if number is None else participants.find(db, number)
    return PageOut(items=[] if row is None or not may_see_participant(caller, row) else [EnrolledOut.of(row)])


@router.post("/participants/{number}/restarts", status_code=201, response_model=EnrolledOut)
def post_restart(
    number: str,
    caller: Annotated[Caller, require(Role.CASEWORKER)],
    command: IdempotentCommand,
    body: RestartIn | None = None,
) -> Response:
    """Restart a participation that was stopped (BB-7)."""
    return command.once(body, lambda db: EnrolledOut.of(enrolment.restart(db, number, caller.actor)))


@router.get("/participants/{number}")
def get_participant(
    number: str, caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)], db: ReadSession
) -> ParticipantOut:
    """Show a participation with its quarters."""
    row = visible_participant(db, caller, number)
    return ParticipantOut.of(row, participants.quarter_rows(db, number))


@router.get("/participants/{number}/hours")
def get_participant_hours(
    request: Request,
    response: Response,
    number: str,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR, Role.ORGANISATION)],
    db: ReadSession,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[HourOut]:
    """List the hours reported for a participant, newest first; an organisation sees its own only (BB-11)."""
    organisation_id = None
    if caller.has(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR):
        visible_participant(db, caller, number)
    else:
        organisation_id = identifier(caller.organisation_id or "")
        if organisation_id is None or participants.find(db, number) is None:
            raise UnknownParticipant(f"Deelnemer {number} is niet bekend.")
    before = id_before(cursor)
    rows = hours.of_participant(db, number, organisation_id, before, limit + 1)
    next_cursor = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[HourOut.of(row, row.organisation_name) for row in rows[:limit]], next_cursor=next_cursor)


@router.get("/participants/{number}/decisions")
def get_participant_decisions(
    request: Request,
    response: Response,
    number: str,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[DecisionOut]:
    """List the decisions about a participant, newest first."""
    visible_participant(db, caller, number)
    before = id_before(cursor)
    rows = decisions.of_participant(db, number, before, limit + 1)
    next_cursor = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[DecisionOut.of(row) for row in rows[:limit]], next_cursor=next_cursor)
