"""Organisations and participants."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from burgerbudget.actions import enrolment
from burgerbudget.models import Participant
from burgerbudget.queries import decisions, hours, participants
from burgerbudget.refusals import UnknownParticipant
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
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import BadRequest
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
    row = _visible(db, caller, number)
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
        _visible(db, caller, number)
    else:
        organisation_id = identifier(caller.organisation_id or "")
        if organisation_id is None or participants.find(db, number) is None:
            raise UnknownParticipant(f"Deelnemer {number} is niet bekend.")
    before = _before(cursor)
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
    _visible(db, caller, number)
    before = _before(cursor)
    rows = decisions.of_participant(db, number, before, limit + 1)
    next_cursor = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[DecisionOut.of(row) for row in rows[:limit]], next_cursor=next_cursor)


def _before(cursor: str | None) -> UUID | None:
    position = decode_cursor(cursor, id=str)
    before = None if position is None else identifier(position["id"])
    if position is not None and before is None:
        raise BadRequest("Deze cursor komt niet van ons.", pointer="cursor", code="unknownCursor")
    return before


def _visible(db: Session, caller: Caller, number: str) -> Participant:
    """Give a participant that the caller may see; somebody else's is as unknown as one that is not there."""
    row = participants.find(db, number)
    own = row is not None and row.holder_id == caller.holder_id and caller.has(Role.PASS_HOLDER)
    if row is None or not (own or caller.has(Role.CASEWORKER, Role.AUDITOR)):
        raise UnknownParticipant(f"Deelnemer {number} is niet bekend.")
    return row
