"""What a borrower is told, and that it was read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.schemas import PageOut
from sociaal_krediet.actions import notices
from sociaal_krediet.queries import notices as notice_queries
from sociaal_krediet.routes import texts
from sociaal_krediet.schemas.messages import NoticeOut

router = APIRouter(tags=["notices"])


@router.get("/notices")
def get_notices(
    request: Request,
    response: Response,
    caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    holder_id: Annotated[str | None, Query(alias="holderId", max_length=100)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[NoticeOut]:
    """List what a borrower was told, newest first; a pass holder sees their own."""
    whose = holder_id if caller.has(Role.CASEWORKER, Role.AUDITOR) and holder_id else caller.holder_id
    rows = notice_queries.page(db, whose or "", id_before(cursor), limit + 1)
    following = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, following)
    address = request.app.state.objection_address
    return PageOut(items=[texts.notice_out(db, row, address) for row in rows[:limit]], next_cursor=following)


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
        notice, is_first = notices.read(db, identifier(notice_id), caller.holder_id)
        return texts.notice_out(db, notice, request.app.state.objection_address)

    return command.once(None, act, lambda: 201 if is_first else 200)
