"""Places with a telephone (`toestel`): where they are and when one can come in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from belkosten.actions import places
from belkosten.models import PhonePlace
from belkosten.queries import places as place_queries
from belkosten.routes.visibility import Anyone
from belkosten.rules.openings import Opening
from belkosten.schemas.places import OpeningOut, PlaceClosingIn, PlaceIn, PlaceOut
from foundation.access import Caller, Role, require
from foundation.clock import AMSTERDAM, business_date
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier, new_id
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import BadRequest
from foundation.schemas import PageOut

router = APIRouter(tags=["places"])

Officer = Annotated[Caller, require(Role.CASEWORKER)]


@router.post("/phone-places", status_code=201, response_model=PlaceOut)
def post_place(body: PlaceIn, caller: Officer, command: IdempotentCommand) -> Response:
    """Add a place with its opening hours."""

    def act(db: Session) -> PlaceOut:
        place = PhonePlace(
            id=new_id(),
            name=body.name,
            address=body.address,
            neighbourhood=body.neighbourhood,
            closed_room=body.closed_room,
            valid_from=body.from_,
            valid_until=body.until,
            registered_by=caller.subject,
        )
        openings = [Opening(one.weekday, one.opens, one.closes) for one in body.opening_hours]
        [out] = _places_out(db, [places.register(db, place, openings)])
        return out

    return command.once(body, act)


@router.post("/phone-places/{place_id}/closings", status_code=201, response_model=PlaceOut)
def post_closing(place_id: str, body: PlaceClosingIn, caller: Officer, command: IdempotentCommand) -> Response:
    """Have a place end on a day, which still belongs to it."""

    def act(db: Session) -> PlaceOut:
        [out] = _places_out(db, [places.close(db, identifier(place_id), body.until)])
        return out

    return command.once(body, act)


@router.get("/phone-places")
def get_places(
    request: Request,
    response: Response,
    caller: Anyone,
    db: ReadSession,
    open_on: Annotated[
        str | None, Query(alias="openOn", description="Only what is open then: 2026-10-01T10:00.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[PlaceOut]:
    """List the places by name: those that are there today, or are open at a local time."""
    at = None if open_on is None else _local_time(open_on)
    position = decode_cursor(cursor, name=str, id=str)
    after = None if position is None else (position["name"], identifier(position["id"]) or UUID(int=0))
    open_at: tuple[int, time] | None = None if at is None else (at.isoweekday(), at.time())
    rows = place_queries.page(db, at.date() if at else business_date(), open_at, after, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    following = encode_cursor({"name": last.name, "id": str(last.id)}) if last else None
    link_next(request, response, following)
    return PageOut(items=_places_out(db, rows[:limit]), next_cursor=following)


def _local_time(text: str) -> datetime:
    """Read a day with a time; one with a zone is read as what the clock says here then."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest("Schrijf een tijdstip als 2026-10-01T10:00.", pointer="openOn") from error
    return read if read.tzinfo is None else read.astimezone(AMSTERDAM).replace(tzinfo=None)


def _places_out(db: Session, rows: Sequence[PhonePlace]) -> list[PlaceOut]:
    openings = defaultdict(list)
    for one in place_queries.hours(db, [row.id for row in rows]):
        openings[one.place_id].append(OpeningOut.model_validate(one))
    return [
        PlaceOut(
            id=row.id,
            name=row.name,
            address=row.address,
            neighbourhood=row.neighbourhood,
            closed_room=row.closed_room,
            from_=row.valid_from,
            until=row.valid_until,
            opening_hours=openings[row.id],
        )
        for row in rows
    ]
