"""The grounds on which somebody may take part."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import Session

from belkosten.actions import grounds
from belkosten.models import Ground
from belkosten.queries import grounds as ground_queries
from belkosten.routes.visibility import Anyone
from belkosten.schemas.participants import GroundIn, GroundOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.schemas import PageOut

router = APIRouter(tags=["participants"])


@router.get("/grounds")
def get_grounds(caller: Anyone, db: ReadSession) -> PageOut[GroundOut]:
    """List the grounds, those that no longer hold too."""
    return PageOut(items=[GroundOut.model_validate(row) for row in ground_queries.every(db)])


@router.post("/grounds", status_code=201, response_model=GroundOut)
def post_ground(
    body: GroundIn, caller: Annotated[Caller, require(Role.CASEWORKER)], command: IdempotentCommand
) -> Response:
    """Add a ground of this municipality's own."""

    def act(db: Session) -> GroundOut:
        ground = Ground(
            code=body.code,
            name=body.name,
            proves_itself=body.proves_itself,
            valid_from=body.from_,
            valid_until=body.until,
            source=body.source,
            added_by=caller.subject,
        )
        return GroundOut.model_validate(grounds.add(db, ground))

    return command.once(body, act)
