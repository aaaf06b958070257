"""Transfer batches over HTTP: a file comes in, its maker submits what was found in it, another approves that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.idempotency import Command, IdempotentCommand
from foundation.identifiers import identifier, new_id
from foundation.inbox import Upload
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import UnsupportedType
from foundation.schemas import Day, LongLine, PageOut
from wallet.ledger.bulk import actions, queries
from wallet.ledger.bulk.actions import Asked
from wallet.ledger.bulk.files import MAX_FILE_BYTES, FileFormat, FileInspection, Kind
from wallet.ledger.bulk.models import BulkBatch
from wallet.ledger.bulk.refusals import BatchNotFound
from wallet.ledger.bulk.schemas import ApprovalIn, BatchAcceptedOut, BatchOut, BatchStateName, ExceptionOut, LineOut
from wallet.ledger.postings import EUR
from wallet.ledger.schemas import Address, AssetCode
from wallet.ledger.schemas import Kind as JournalKind

router = APIRouter(tags=["transfer-batches"])

FILE_TYPES: dict[str, Kind] = {"text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl"}

Asker = Annotated[Caller, require(Role.SERVICE, Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
Reader = Annotated[Caller, require(Role.SERVICE, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]
BatchId = Annotated[str, Path(max_length=60)]


def _asked(
    kind: Annotated[JournalKind, Query()],
    source: Annotated[Address, Query()],
    asset: Annotated[AssetCode, Query()] = EUR,
    value_date: Annotated[Day | None, Query(alias="valueDate")] = None,
    reason: Annotated[LongLine | None, Query()] = None,
) -> Asked:
    return Asked(kind, source, asset, value_date, reason)


@router.post(
    "/transfer-batches",
    status_code=202,
    response_model=BatchAcceptedOut,
    max_body_size=MAX_FILE_BYTES + 1,
    openapi_extra={"requestBody": {"required": True, "content": {kind: {} for kind in FILE_TYPES}}},
)
async def post_batch(
    request: Request, caller: Asker, command: IdempotentCommand, asked: Annotated[Asked, Depends(_asked)]
) -> Response:
    """Take in a file of transfers out of one account (CSV or JSON lines); how far it is, its own address tells."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FILE_TYPES:
        raise UnsupportedType("Stuur text/csv, application/jsonl of application/x-ndjson.", pointer="Content-Type")
    inspection = FileInspection(FILE_TYPES[media_type])
    with Upload(MAX_FILE_BYTES) as upload:
        await upload.take_all(_inspected(request.stream(), inspection))
        file_format = inspection.finish()
        return await run_in_threadpool(_receive, request, caller, command, asked, upload, file_format)


async def _inspected(stream: AsyncIterator[bytes], inspection: FileInspection) -> AsyncIterator[bytes]:
    async for piece in stream:
        if piece:
            inspection.feed(piece)
            yield piece


def _receive(
    request: Request, caller: Caller, command: Command, asked: Asked, upload: Upload, file_format: FileFormat
) -> Response:
    def act(db: Session) -> BatchAcceptedOut:
        batch = actions.receive_file(db, asked, upload, file_format, caller)
        _ring(request, db)
        return BatchAcceptedOut(id=batch.id)

    return command.once({"sha256": upload.sha256.hex(), "format": file_format.media_type}, act, 202)


@router.post("/transfer-batches/{batch_id}/submissions", response_model=BatchOut)
def post_submission(
    request: Request,
    batch_id: BatchId,
    caller: Asker,
    command: IdempotentCommand,
    partial: Annotated[bool, Query()] = False,
) -> Response:
    """Freeze a checked batch for the checker; a service's own is approved at once, and its total held."""
    known = _id(batch_id)

    def act(db: Session) -> BatchOut:
        batch = actions.submit(db, known, caller, partial=partial)
        _ring(request, db)
        return _out(db, batch)

    return command.once(None, act, 200)


@router.post("/transfer-batches/{batch_id}/approvals", response_model=BatchOut)
def post_approval(
    request: Request, batch_id: BatchId, body: ApprovalIn, caller: Checker, command: IdempotentCommand
) -> Response:
    """Approve exactly the content with this hash, submitted by somebody else; its total is held on the source."""
    known = _id(batch_id)

    def act(db: Session) -> BatchOut:
        batch = actions.approve(db, known, caller, bytes.fromhex(body.content_hash))
        _ring(request, db)
        return _out(db, batch)

    return command.once(body, act, 200)


@router.post("/transfer-batches/{batch_id}/withdrawals", response_model=BatchOut)
def post_withdrawal(batch_id: BatchId, caller: Asker, command: IdempotentCommand) -> Response:
    """Withdraw a batch that is not approved yet."""
    known = _id(batch_id)
    return command.once(None, lambda db: _out(db, actions.withdraw(db, known, caller)), 200)


@router.get("/transfer-batches")
def get_batches(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    state: Annotated[BatchStateName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[BatchOut]:
    """List batches, newest first: a service sees its own."""
    position = decode_cursor(cursor, number=int)
    maker = None if actions.is_by_hand(caller) else (caller.actor, False)
    found = queries.batches_before(db, position["number"] if position else None, limit + 1, state, maker)
    following = encode_cursor({"number": found[limit - 1].number}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=[_out(db, batch) for batch in found[:limit]], next_cursor=following)


@router.get("/transfer-batches/{batch_id}")
def get_batch(batch_id: BatchId, caller: Reader, db: ReadSession) -> BatchOut:
    """Tell how far a batch is."""
    return _out(db, actions.visible(db, _id(batch_id), caller))


@router.get("/transfer-batches/{batch_id}/lines")
def get_lines(
    request: Request,
    response: Response,
    batch_id: BatchId,
    caller: Reader,
    db: ReadSession,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[LineOut]:
    """List the lines of a batch that could be read, in the order of the file."""
    batch = actions.visible(db, _id(batch_id), caller)
    position = decode_cursor(cursor, line=int)
    found = queries.lines_after(db, batch.id, position["line"] if position else 0, limit + 1)
    following = encode_cursor({"line": found[limit - 1].line}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=[LineOut.model_validate(row) for row in found[:limit]], next_cursor=following)


@router.get("/transfer-batches/{batch_id}/exceptions")
def get_exceptions(
    request: Request,
    response: Response,
    batch_id: BatchId,
    caller: Reader,
    db: ReadSession,
    code: Annotated[str | None, Query(max_length=40, pattern=r"^[a-zA-Z]*$")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[ExceptionOut]:
    """List why lines were not or will not be posted, in the order of the file."""
    batch = actions.visible(db, _id(batch_id), caller)
    position = decode_cursor(cursor, line=int, code=str)
    after = (position["line"], position["code"]) if position else (0, "")
    found = queries.exceptions_after(db, batch.id, after, limit + 1, code)
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else encode_cursor({"line": last.line, "code": last.code})
    link_next(request, response, following)
    return PageOut(items=[ExceptionOut.model_validate(row) for row in found[:limit]], next_cursor=following)


def _out(db: Session, batch: BulkBatch) -> BatchOut:
    return BatchOut.of(batch, queries.progress(db, batch.id))


def _ring(request: Request, db: Session) -> None:
    # Without a bell the worker's clock finds the batch a moment later.
    ring = getattr(request.app.state, "ring_bulk", None)
    if ring is not None:
        after_commit(db, lambda: ring(new_id()))


def _id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise BatchNotFound
    return known
