"""Holds over HTTP: services set apart, capture and release; auditors see every hold with its history."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, database_of
from foundation.gathering import Together
from foundation.idempotency import JSON_TYPE, IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.ledger.actions import reading, spending
from wallet.ledger.holds import queries
from wallet.ledger.holds.schemas import (
    CapturedOut,
    CaptureIn,
    HoldEventOut,
    HoldIn,
    HoldOut,
    HoldOutcomeOut,
    HoldOutcomesOut,
    HoldsIn,
    HoldState,
    ReleaseIn,
)
from wallet.ledger.postings import AskedHold
from wallet.ledger.refusals import UnknownHold
from wallet.ledger.schemas import PostedOut

router = APIRouter(tags=["holds"])

Service = Annotated[Caller, require(Role.SERVICE)]
ServiceOrAuditor = Annotated[Caller, require(Role.SERVICE, Role.AUDITOR)]
Id = Annotated[str, Path(max_length=60)]

MOST_TOGETHER = 10
"""Requests in one statement: each brings at most 200 holds, whose balances stay locked until the last is decided."""


@router.post("/holds", status_code=201, response_model=HoldOut)
def post_hold(body: HoldIn, caller: Service, command: IdempotentCommand) -> Response:
    """Set an amount apart, or as much of it as is available."""
    return command.once(body, lambda db: spending.open_hold(db, body, caller))


HoldsAsked = Together[list[AskedHold], list[HoldOutcomeOut]]


async def _together(request: Request) -> HoldsAsked:
    state = request.app.state
    if not hasattr(state, "holds_together"):
        database = database_of(request)
        # No two requests are the same: whether a hold is there already, the statement sees.
        state.holds_together = Together(lambda asked: spending.have_holds(database, asked), id, most=MOST_TOGETHER)
    made: HoldsAsked = state.holds_together
    return made


@router.put("/holds", response_model=HoldOutcomesOut)
async def put_holds(body: HoldsIn, caller: Service, together: Annotated[HoldsAsked, Depends(_together)]) -> Response:
    """Have many holds, each by itself, under ids that the asker chose.

    Asked again, what was opened before is given as it is now; what was refused is judged anew.
    """
    outcomes = HoldOutcomesOut(items=await together.ask(spending.allowed_holds(body.holds, caller)))
    # Written here, because the framework would first check what we have just made.
    return Response(outcomes.model_dump_json(by_alias=True, exclude_none=True), media_type=JSON_TYPE)


@router.get("/holds")
def get_holds(
    caller: ServiceOrAuditor,
    db: ReadSession,
    request: Request,
    response: Response,
    account: Annotated[str | None, Query(max_length=200, pattern=r"^[\x21-\x7e]+$")] = None,
    state: Annotated[HoldState | None, Query()] = None,
    purpose: Annotated[str | None, Query(max_length=140)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[HoldOut]:
    """Holds, newest first: a service sees those that it opened itself."""
    opened_by = None if caller.has(Role.AUDITOR) else caller.actor
    sought = queries.Sought(account=account, state=state, purpose=purpose, opened_by=opened_by)
    found = queries.holds_before(db, sought, queries.hold_in_cursor(cursor), limit + 1)
    next_cursor = queries.cursor_after(found, limit)
    link_next(request, response, next_cursor)
    return PageOut(items=[_hold_out(row) for row in found[:limit]], next_cursor=next_cursor)


@router.get("/holds/{hold_id}")
def get_hold(hold_id: Id, caller: ServiceOrAuditor, db: ReadSession) -> HoldOut:
    """One hold: a service sees its own."""
    return _hold_out(_visible(db, hold_id, caller))


@router.get("/holds/{hold_id}/events")
def get_hold_events(
    hold_id: Id,
    caller: ServiceOrAuditor,
    db: ReadSession,
    request: Request,
    response: Response,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[HoldEventOut]:
    """What happened to a hold, from its opening on."""
    hold = _visible(db, hold_id, caller)
    position = decode_cursor(cursor, after=int)
    found = queries.events_after(db, hold.id, position["after"] if position else 0, limit + 1)
    next_cursor = encode_cursor({"after": found[limit - 1].sequence}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[HoldEventOut.model_validate(row) for row in found[:limit]], next_cursor=next_cursor)


@router.post("/holds/{hold_id}/captures", status_code=201, response_model=CapturedOut)
def post_capture(hold_id: Id, body: CaptureIn, caller: Service, command: IdempotentCommand) -> Response:
    """Pay a part of a hold, or all that remains."""
    known = _hold_id(hold_id)

    def capture(db: Session) -> CapturedOut:
        posted, hold = spending.capture_hold(db, known, body, caller)
        return CapturedOut(**PostedOut.of(posted).model_dump(), hold=_hold_out(hold))

    return command.once(body, capture)


@router.post("/holds/{hold_id}/releases", status_code=201, response_model=HoldOut)
def post_release(hold_id: Id, caller: Service, command: IdempotentCommand, body: ReleaseIn | None = None) -> Response:
    """Give back what remains of a hold."""
    known = _hold_id(hold_id)
    return command.once(body, lambda db: _hold_out(spending.release_hold(db, known, caller)))


def _visible(db: Session, hold_id: str, caller: Caller) -> Row[Any]:
    known = _hold_id(hold_id)
    return reading.find_hold(db, known) if caller.has(Role.AUDITOR) else spending.own_hold(db, known, caller)


def _hold_out(row: Row[Any]) -> HoldOut:
    return HoldOut.model_validate(row)


def _hold_id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise UnknownHold(f"Reservering {text} bestaat niet.")
    return known
