"""What telephone providers ask before a call and tell after it, over HTTP."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from belkosten.actions import imports, records
from belkosten.actions.authorising import Authoriser
from belkosten.queries.calls import AskedCall
from belkosten.refusals import NoProvider, UnknownBatch
from belkosten.routes.bells import ring_jobs
from belkosten.schemas.calls import AuthorisationIn, AuthorisationOut
from foundation import file_work
from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.file_work.intake import MAX_FILE_BYTES, Arrived, BatchAcceptedOut, BatchOut, DryRun, Partial, take_file
from foundation.idempotency import JSON_TYPE, IdempotentCommand
from foundation.identifiers import identifier
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.refusals import Unavailable

router = APIRouter(tags=["calls"])

Provider = Annotated[Caller, require(Role.PROVIDER)]

log = structlog.get_logger()


@router.post("/call-authorisations", response_model=AuthorisationOut)
async def post_authorisation(request: Request, body: AuthorisationIn, caller: Provider) -> Response:
    """Say whether a call may be made and for how long; the call id is the key under which the answer is kept."""
    asked = AskedCall(provider_of(caller), body.call_id, body.participant_number, body.called_number)
    authoriser: Authoriser = request.app.state.authoriser
    try:
        answer = await authoriser.authorise(asked)
    except (DeliveryFailed, DeliveryRefused) as error:
        log.warning("call-not-authorised", error=type(error).__name__, code=getattr(error, "code", None))
        raise Unavailable(
            "Het tegoed kan nu niet worden nagegaan. Vraag het zo opnieuw.", headers={"Retry-After": "1"}
        ) from error
    told = AuthorisationOut(
        allowed=answer.allowed, max_seconds=answer.max_seconds, reason=answer.reason.value if answer.reason else None
    )
    # Written here, because the framework would first check what we have just made.
    return Response(told.model_dump_json(by_alias=True, exclude_none=True), media_type=JSON_TYPE)


@router.post(
    "/call-records/batches", status_code=202, response_model=BatchAcceptedOut, max_body_size=MAX_FILE_BYTES + 1
)
async def post_batch(
    request: Request, caller: Provider, command: IdempotentCommand, dry_run: DryRun = False, partial: Partial = False
) -> Response:
    """Take in a file of call records (CSV or JSON, at most 100 MiB); how far it is, its own address tells."""
    provider = provider_of(caller)

    def act(db: Session, arrived: Arrived) -> BatchAcceptedOut:
        file = imports.receive_file(db, imports.CALL_RECORDS, arrived, provider, caller.actor)
        after_commit(db, lambda: ring_jobs(request))
        return BatchAcceptedOut(id=str(file.id))

    return await take_file(request, command, records.COLUMNS, act, dry_run=dry_run, partial=partial)


@router.get("/call-records/batches/{batch_id}")
def get_batch(batch_id: str, caller: Provider, db: ReadSession) -> BatchOut:
    """Tell a provider how far its own file is, with every row that was not accepted."""
    key = identifier(batch_id)
    file = None if key is None else file_work.find(db, imports.FILES, key)
    if file is None or file.kind != imports.CALL_RECORDS or file.sender != caller.organisation_id:
        raise UnknownBatch
    return BatchOut.of(file, file_work.outcomes(db, imports.FILES, file.id))


def provider_of(caller: Caller) -> str:
    """Give the organisation that a provider speaks for. Raises `NoProvider`."""
    if not caller.organisation_id:
        raise NoProvider
    return caller.organisation_id
