"""Work for people over HTTP (SK-10)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.schemas import PageOut
from sociaal_krediet.actions import tasks
from sociaal_krediet.queries import tasks as task_queries
from sociaal_krediet.schemas.messages import OutcomeIn, TaskOut

router = APIRouter(tags=["tasks"])

Doer = Annotated[Caller, require(Role.HELPER, Role.CASEWORKER, Role.FINANCE_MAKER)]


@router.get("/tasks")
def get_tasks(
    request: Request,
    response: Response,
    caller: Annotated[Caller, require(Role.HELPER, Role.CASEWORKER, Role.FINANCE_MAKER)],
    db: ReadSession,
    state: Annotated[Literal["open", "done"], Query()] = "open",
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[TaskOut]:
    """List one's own work, newest first: a helper's is about their own loans."""
    rows = task_queries.page(db, caller.roles, caller.subject, state, id_before(cursor), limit + 1)
    following = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, following)
    return PageOut(items=[TaskOut.model_validate(row) for row in rows[:limit]], next_cursor=following)


@router.post("/tasks/{task_id}/completions", status_code=201, response_model=TaskOut)
def post_completion(task_id: str, body: OutcomeIn, caller: Doer, command: IdempotentCommand) -> Response:
    """Say what was done."""

    def act(db: Session) -> TaskOut:
        return TaskOut.model_validate(tasks.complete(db, identifier(task_id), body.outcome, caller))

    return command.once(body, act)
