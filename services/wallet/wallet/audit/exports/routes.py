"""Exports over HTTP: the file as it is written, and its manifest.

Nothing about the content can stand in the headers, which leave before it, and trailers do not pass every proxy. So
an export names the block at which it was cut, and the manifest of that very cut can be asked for at any time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain
from typing import Annotated, Any
from urllib.parse import urlencode

from anyio import CancelScope
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, database_of
from foundation.schemas import Day
from wallet.audit.exports import actions
from wallet.audit.exports.actions import Format, Manifest
from wallet.audit.exports.queries import Cut
from wallet.audit.exports.schemas import ManifestOut
from wallet.audit.exports.settings import ExportSettings
from wallet.audit.exports.xaf import Municipality
from wallet.ledger.schemas import AssetCode

router = APIRouter(tags=["exports"])

AS_OF_BLOCK = "Stadsbeurs-As-Of-Block"

Auditor = Annotated[Caller, require(Role.AUDITOR)]


async def _municipality(request: Request) -> Municipality:
    settings: ExportSettings = request.app.state.settings
    return Municipality(settings.municipality_name, settings.municipality_rsin)


OfMunicipality = Annotated[Municipality, Depends(_municipality)]


class Asked:
    """What an export is asked for: a kind of file and a cut of the books."""

    def __init__(
        self,
        kind: Annotated[str, Path(alias="format", max_length=20)],
        db: ReadSession,
        from_: Annotated[Day | None, Query(alias="from")] = None,
        to: Annotated[Day | None, Query()] = None,
        asset: Annotated[AssetCode | None, Query()] = None,
        as_of_block: Annotated[int | None, Query(alias="asOfBlock", ge=0, le=2**63 - 1)] = None,
    ) -> None:
        self.kind: Format = actions.format_named(kind)
        self.cut: Cut = actions.cut_of(db, self.kind, from_, to, asset, as_of_block)

    @property
    def query(self) -> str:
        """Give the question that gets this very cut again."""
        cut = self.cut
        asked: dict[str, Any] = {"from": cut.first, "to": cut.last, "asset": cut.asset, "asOfBlock": cut.block}
        return urlencode({name: value for name, value in asked.items() if value is not None})

    @property
    def file_name(self) -> str:
        cut = self.cut
        return f"stadsbeurs-{cut.first}-{cut.last}-block-{cut.block}.{self.kind.name}"


AskedFor = Annotated[Asked, Depends()]


class Download(StreamingResponse):
    """A file on its way out; the snapshot that it is read from is given back whatever happens to the reader."""

    def __init__(self, pieces: Generator[Any], content: Iterator[bytes], **more: Any) -> None:
        self._pieces = pieces
        super().__init__(content, **more)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await run_in_threadpool(self._pieces.close)


@router.get("/exports/{format}", response_class=StreamingResponse)
def get_export(_: Auditor, asked: AskedFor, request: Request, municipality: OfMunicipality) -> Download:
    """Every entry of the period that is under a seal, as `csv`, `jsonl` or `xaf`, in the order of posting.

    The header `Link` leads to the manifest with the SHA-256 and the number of rows of this very file.
    """
    pieces = actions.write(database_of(request), asked.kind, asked.cut, municipality)
    # The first piece before the headers: what goes wrong at the start is still a problem document.
    first = next(pieces, b"")
    manifest = f"{request.url.path}/manifest?{asked.query}"
    return Download(
        pieces,
        chain([first], pieces),
        media_type=asked.kind.media_type,
        headers={
            AS_OF_BLOCK: str(asked.cut.block),
            "Content-Disposition": f'attachment; filename="{asked.file_name}"',
            "Link": f'<{manifest}>; rel="describedby"; type="application/json"',
        },
    )


@router.get("/exports/{format}/manifest", response_class=StreamingResponse, responses={200: {"model": ManifestOut}})
def get_manifest(_: Auditor, asked: AskedFor, request: Request, municipality: OfMunicipality) -> Download:
    """What the export of the same period and block holds: rows, totals, bytes and SHA-256, made anew from the books.

    Blank lines come first while the export is written and hashed, so that nobody on the way takes it for stalled.
    """
    steps = actions.describe(database_of(request), asked.kind, asked.cut, municipality)
    first = next(steps)
    headers = {AS_OF_BLOCK: str(asked.cut.block)}
    return Download(steps, _as_json(chain([first], steps)), media_type="application/json", headers=headers)


def _as_json(steps: Iterator[Manifest | None]) -> Iterator[bytes]:
    for manifest in steps:
        yield b"\n" if manifest is None else ManifestOut.of(manifest).model_dump_json(by_alias=True).encode() + b"\n"
