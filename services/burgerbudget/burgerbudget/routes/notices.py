"""What a participant is told of decisions, and that it was read (BB-4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from burgerbudget.actions import notices
from burgerbudget.queries import notices as notice_queries
from burgerbudget.routes.visibility import visible_participant
from burgerbudget.schemas import NoticeOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.schemas import PageOut

router = APIRouter(tags=["notices"])


@router.get("/participants/{number}/notices")
def get_participant_notices(
    request: Request,
    response: Response,
    number: str,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    unread: Annotated[bool, Query(description="Only those that were not read yet.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[NoticeOut]:
    """List what a participant was told, newest first, each with its text and until when one may object."""
    visible_participant(db, caller, number)
    rows = notice_queries.of_participant(db, number, unread, id_before(cursor), limit + 1)
    next_cursor = encode_cursor({"id": str(rows[limit - 1].decision_id)}) if len(rows) > limit else None
    link_next(request, response, next_cursor)
    address = request.app.state.objection_address
    return PageOut(items=[NoticeOut.of(row, address) for row in rows[:limit]], next_cursor=next_cursor)


@router.post("/notices/{notice_id}/readings", status_code=201, response_model=NoticeOut)
def post_reading(
    request: Request,
    notice_id: str,
    caller: Annotated[Caller, require(Role.PASS_HOLDER)],
    command: IdempotentCommand,
) -> Response:
    """Mark one's own notice as read; one that was read before is answered with 200 and when that was."""
    is_first = True

    def act(db: Session) -> NoticeOut:
        nonlocal is_first
        notice, is_first = notices.read_notice(db, identifier(notice_id), caller.holder_id)
        return NoticeOut.of(notice, request.app.state.objection_address)

    return command.once(None, act, lambda: 201 if is_first else 200)
