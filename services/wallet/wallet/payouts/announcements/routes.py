"""Announcements over HTTP: a scheme asks for its own and says which it took."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.pages import DEFAULT_LIMIT, Limit
from wallet.payouts.announcements import actions, queries
from wallet.payouts.announcements.schemas import AnnouncementOut, AnnouncementsOut, TakingsIn, TakingsOut

router = APIRouter(tags=["announcements"])

Service = Annotated[Caller, require(Role.SERVICE)]


@router.get("/announcements")
def get_announcements(caller: Service, db: ReadSession, limit: Limit = DEFAULT_LIMIT) -> AnnouncementsOut:
    """Give what this scheme did not take yet, oldest first."""
    found = queries.waiting(db, caller.actor, limit)
    return AnnouncementsOut(items=[AnnouncementOut.model_validate(row) for row in found])


@router.post("/announcements/takings", status_code=201, response_model=TakingsOut)
def post_takings(body: TakingsIn, caller: Service, command: IdempotentCommand) -> Response:
    """Take announcements that this scheme has written down; again is no change."""

    def take(db: Session) -> TakingsOut:
        return TakingsOut(taken=actions.take(db, caller.actor, body.ids))

    return command.once(body, take)
