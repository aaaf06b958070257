"""Files of rows over HTTP: taken in as a stream, refused at the door where they cannot be read, told row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlmodel import Session

from foundation.file_work.description import Arrived
from foundation.file_work.models import FileImportBase
from foundation.idempotency import Command
from foundation.inbox import Upload
from foundation.refusals import UnsupportedType
from foundation.row_files import Columns, FileInspection
from foundation.schemas import ApiOut

__all__ = ["MAX_FILE_BYTES", "Arrived", "BatchAcceptedOut", "BatchOut", "DryRun", "Partial", "take_file"]

MAX_FILE_BYTES = 100 * 1024 * 1024
FILE_TYPES = frozenset({"text/csv", "application/json"})

DryRun = Annotated[bool, Query(alias="dryRun", description="answer the same and store nothing")]
Partial = Annotated[bool, Query(description="take in what can be, whatever else is refused")]


class BatchAcceptedOut(ApiOut):
    """A file was taken in and is being worked through."""

    id: str
    state: Literal["processing"] = "processing"


class RowErrorOut(ApiOut):
    code: str
    message: str


class BatchRowOut(ApiOut):
    row: int
    outcome: str
    errors: list[RowErrorOut]


class BatchOut(ApiOut):
    """How far a file is, and every row of it that was not accepted."""

    id: str
    state: str
    dry_run: bool
    partial: bool
    accepted: int
    known: int
    refused: int
    problem: str | None
    rows: list[BatchRowOut]

    @classmethod
    def of(cls, file: FileImportBase, outcomes: Sequence[Any]) -> BatchOut:
        return cls(
            id=str(file.id),
            state=file.state,
            dry_run=file.dry_run,
            partial=file.partial,
            accepted=file.accepted,
            known=file.known,
            refused=file.refused,
            problem=file.problem,
            rows=[
                BatchRowOut(
                    row=one.row,
                    outcome=one.outcome,
                    errors=[] if one.code is None else [RowErrorOut(code=one.code, message=one.message)],
                )
                for one in outcomes
            ],
        )


async def take_file(
    request: Request,
    command: Command,
    columns: Columns,
    act: Callable[[Session, Arrived], BaseModel],
    *,
    dry_run: bool = False,
    partial: bool = False,
) -> Response:
    """Take a request's body in as a file of these columns; `act` keeps it, once, and what it gives is answered with 202.

    The route wants `max_body_size=MAX_FILE_BYTES + 1`. Raises `UnsupportedType` for what is neither CSV nor JSON by its
    `Content-Type`, `UnreadableFile` and `TooLarge` while it streams in; nothing is kept then.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in FILE_TYPES:
        raise UnsupportedType(f"Stuur {columns.content} als text/csv of als application/json.", pointer="Content-Type")
    inspection = FileInspection(columns)
    with Upload(MAX_FILE_BYTES) as upload:
        await upload.take_all(_inspected(request.stream(), inspection))
        arrived = Arrived(upload, inspection.finish(), dry_run, partial)
        return await run_in_threadpool(
            command.once,
            {"sha256": upload.sha256.hex(), "dryRun": dry_run, "partial": partial},
            lambda db: act(db, arrived),
            202,
        )


async def _inspected(stream: AsyncIterator[bytes], inspection: FileInspection) -> AsyncIterator[bytes]:
    async for piece in stream:
        if piece:
            inspection.feed(piece)
            yield piece
