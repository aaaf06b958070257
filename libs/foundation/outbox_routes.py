"""The page of parked rows: what another service refused, and the explicit act that sends it again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import text

from foundation import outbox
from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import NotFound
from foundation.schemas import ApiOut, PageOut

router = APIRouter(tags=["outbox"])


class OutboxOut(ApiOut):
    """One message to another service."""

    id: str
    kind: str
    subject: str
    state: str
    attempts: int
    resumptions: int
    error_code: str | None
    last_error: str | None
    created_at: datetime
    done_at: datetime | None


class ResumedOut(ApiOut):
    id: str
    state: Literal["pending"] = "pending"


@router.get("/outbox")
def get_outbox(
    request: Request,
    response: Response,
    caller: Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.ADMIN, Role.AUDITOR)],
    db: ReadSession,
    state: Annotated[Literal["pending", "leased", "done", "dead", "closed"], Query()] = "dead",
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[OutboxOut]:
    """List messages to other services, oldest first; `dead` are those that were refused or ran out of tries."""
    position = decode_cursor(cursor, sequence=int)
    rows = db.execute(
        text(
            "SELECT id::text, sequence, kind, subject, state, attempts, resumptions, error_code, last_error, created_at, done_at"
            " FROM outbox WHERE state = :state AND sequence > :after ORDER BY sequence LIMIT :limit"
        ),
        {"state": state, "after": position["sequence"] if position else 0, "limit": limit + 1},
    ).all()
    items = [OutboxOut.model_validate(row) for row in rows[:limit]]
    next_cursor = encode_cursor({"sequence": rows[limit - 1].sequence}) if len(rows) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=items, next_cursor=next_cursor)


@router.post("/outbox/{message_id}/resumptions", status_code=202, response_model=ResumedOut)
def post_resumption(
    message_id: str, caller: Annotated[Caller, require(Role.FINANCE_MAKER, Role.ADMIN)], command: IdempotentCommand
) -> Response:
    """Send a parked message again, after what stood in its way is mended."""
    row_id = identifier(message_id)
    if row_id is None:
        raise NotFound(f"Er staat geen bericht {message_id} geparkeerd.")

    def act(db: ReadSession) -> ResumedOut:
        outbox.resume(db, row_id)
        return ResumedOut(id=str(row_id))

    return command.once(None, act, 202)
