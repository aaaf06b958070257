"""Reading one's messages over HTTP, and saying that they were read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from sqlmodel import Session, col, select

from foundation.access import Caller, Role, require
from foundation.clock import now
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.notices.models import NoticeBase
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.refusals import NotFound
from foundation.schemas import PageOut

Notice = TypeVar("Notice", bound=NoticeBase)


class UnknownNotice(NotFound):
    code = "unknownNotice"

    def __init__(self) -> None:
        super().__init__("Dit bericht is niet bekend.")


def page(db: Session, table: type[Notice], holder_id: str, before: UUID | None, limit: int) -> Sequence[Notice]:
    """Give somebody's notices, newest first."""
    statement = select(table).where(table.holder_id == holder_id).order_by(col(table.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(table.id) < before)
    return db.exec(statement).all()


def read(db: Session, table: type[Notice], notice_id: UUID | None, holder_id: str | None) -> tuple[Notice, bool]:
    """Mark one's own notice as read. Returns it, and whether this was the first time. Raises `UnknownNotice`."""
    notice = None if notice_id is None else db.get(table, notice_id, with_for_update=True, populate_existing=True)
    # Somebody else's is as unknown as one that is not there.
    if notice is None or notice.holder_id != holder_id:
        raise UnknownNotice
    is_first = notice.read_at is None
    if is_first:
        notice.read_at = now()
        db.flush()
    return notice, is_first


def notice_routes(
    table: type[Notice], out: type[BaseModel], in_words: Callable[[Session, Notice, str], BaseModel]
) -> APIRouter:
    """Give `GET /notices` and `POST /notices/{id}/readings`; `in_words` gets the address that one objects to."""
    router = APIRouter(tags=["notices"])

    # The type of the answer is known here only; FastAPI reads annotations where the module stands.
    @router.get("/notices", response_model=PageOut[out])  # type: ignore[valid-type]
    def get_notices(
        request: Request,
        response: Response,
        caller: Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
        db: ReadSession,
        holder_id: Annotated[str | None, Query(alias="holderId", max_length=100)] = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: CursorParam = None,
    ) -> Any:
        """List what a holder was told, newest first; a pass holder sees their own."""
        whose = holder_id if caller.has(Role.CASEWORKER, Role.AUDITOR) and holder_id else caller.holder_id
        rows = page(db, table, whose or "", id_before(cursor), limit + 1)
        following = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
        link_next(request, response, following)
        address = request.app.state.objection_address
        return {"items": [in_words(db, row, address) for row in rows[:limit]], "next_cursor": following}

    @router.post("/notices/{notice_id}/readings", status_code=201, response_model=out)
    def post_reading(
        request: Request,
        notice_id: str,
        caller: Annotated[Caller, require(Role.PASS_HOLDER)],
        command: IdempotentCommand,
    ) -> Response:
        """Mark one's own notice as read; one that was read before is answered with 200 and when that was."""
        is_first = True

        def act(db: Session) -> BaseModel:
            nonlocal is_first
            notice, is_first = read(db, table, identifier(notice_id), caller.holder_id)
            return in_words(db, notice, request.app.state.objection_address)

        return command.once(None, act, lambda: 201 if is_first else 200)

    return router
