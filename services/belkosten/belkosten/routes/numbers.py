"""The list of numbers that may be called over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from belkosten.actions import imports, numbers
from belkosten.queries import numbers as number_queries
from belkosten.queries.numbers import Sought
from belkosten.refusals import UnknownBatch
from belkosten.routes.bells import ring_jobs
from belkosten.routes.visibility import Anyone
from belkosten.rules.numbers import FORM, Category, Listing, e164
from belkosten.rules.spans import Span
from belkosten.schemas.calls import NumberEndIn, NumberIn, NumberOut
from foundation import file_work
from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.file_work.intake import MAX_FILE_BYTES, Arrived, BatchAcceptedOut, BatchOut, DryRun, Partial, take_file
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import BadRequest
from foundation.schemas import Day, PageOut

router = APIRouter(tags=["numbers"])

Officer = Annotated[Caller, require(Role.CASEWORKER)]


@router.post("/numbers", status_code=201, response_model=NumberOut)
def post_number(body: NumberIn, caller: Officer, command: IdempotentCommand) -> Response:
    """Put a number on the list of those that may be called."""
    listing = Listing(body.number, body.organisation, body.category, Span(body.first, body.until))
    return command.once(body, lambda db: NumberOut.model_validate(numbers.approve(db, listing, caller.actor)))


@router.post("/numbers/{number_id}/endings", status_code=201, response_model=NumberOut)
def post_ending(number_id: str, body: NumberEndIn, caller: Officer, command: IdempotentCommand) -> Response:
    """Say until when a number may be called."""
    return command.once(body, lambda db: NumberOut.model_validate(numbers.end(db, identifier(number_id), body.until)))


@router.get("/numbers")
def get_numbers(
    request: Request,
    response: Response,
    caller: Anyone,
    db: ReadSession,
    category: Annotated[Category | None, Query()] = None,
    organisation: Annotated[str | None, Query(max_length=140, description="a part of its name")] = None,
    number: Annotated[str | None, Query(max_length=40)] = None,
    on: Annotated[Day | None, Query(description="those that may be called on this day")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[NumberOut]:
    """List the numbers that may be called, in the order of their organisations' names."""
    sought = Sought(category, organisation or None, None if number is None else _sought(number), on)
    position = decode_cursor(cursor, name=str, number=str, id=str)
    last = None if position is None else identifier(position["id"])
    after = None if position is None or last is None else (position["name"], position["number"], last)
    rows = number_queries.page(db, sought, after, limit + 1)
    following = None
    if len(rows) > limit:
        end = rows[limit - 1]
        following = encode_cursor({"name": end.name, "number": end.number, "id": str(end.id)})
    link_next(request, response, following)
    return PageOut(items=[NumberOut.model_validate(row) for row in rows[:limit]], next_cursor=following)


def _sought(written: str) -> str:
    # In an address a + that is not written as %2B arrives as a space.
    found = e164(f"+{written[1:]}" if written.startswith(" ") else written)
    if found is None:
        raise BadRequest(FORM, pointer="number")
    return found


@router.post("/numbers/batches", status_code=202, response_model=BatchAcceptedOut, max_body_size=MAX_FILE_BYTES + 1)
async def post_batch(
    request: Request, caller: Officer, command: IdempotentCommand, dry_run: DryRun = False, partial: Partial = False
) -> Response:
    """Take in a file of numbers (CSV or JSON); how far it is, its own address tells."""

    def act(db: Session, arrived: Arrived) -> BatchAcceptedOut:
        file = imports.receive_file(db, imports.NUMBERS, arrived, caller.subject, caller.actor)
        after_commit(db, lambda: ring_jobs(request))
        return BatchAcceptedOut(id=str(file.id))

    return await take_file(request, command, numbers.COLUMNS, act, dry_run=dry_run, partial=partial)


@router.get("/numbers/batches/{batch_id}")
def get_batch(
    batch_id: str, caller: Annotated[Caller, require(Role.CASEWORKER, Role.AUDITOR)], db: ReadSession
) -> BatchOut:
    """Tell how far a file of numbers is, with every row that was not accepted."""
    key = identifier(batch_id)
    file = None if key is None else file_work.find(db, imports.FILES, key)
    if file is None or file.kind != imports.NUMBERS:
        raise UnknownBatch
    return BatchOut.of(file, file_work.outcomes(db, imports.FILES, file.id))
