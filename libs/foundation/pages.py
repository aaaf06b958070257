"""Cursor pages: opaque cursors over keyset queries, and the Link header that goes with them."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response

from foundation.identifiers import identifier
from foundation.refusals import BadRequest

DEFAULT_LIMIT = 50
MAX_LIMIT = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items a page holds at most.")]
CursorParam = Annotated[str | None, Query(max_length=500, description="The nextCursor of the page before.")]


def encode_cursor(position: dict[str, Any]) -> str:
    """Make an opaque cursor of the last row's key."""
    text = json.dumps(position, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, **expected: type) -> dict[str, Any] | None:
    """Read a cursor back; each expected key must be there with its type, otherwise it is a bad request."""
    if cursor is None:
        return None
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadRequest(
            f"cursor {cursor!r} is not one that we gave", pointer="cursor", code="unknownCursor"
        ) from error
    if not isinstance(position, dict) or not all(_fits(position.get(key), kind) for key, kind in expected.items()):
        raise BadRequest(f"cursor {cursor!r} is not one that we gave", pointer="cursor", code="unknownCursor")
    return position


def _fits(value: Any, kind: type) -> bool:
    # A number beyond a bigint would only fail in the database.
    return type(value) is kind and not (isinstance(value, int) and abs(value) >= 2**63)


def id_before(cursor: str | None) -> UUID | None:
    """Give the id that a page of a list, newest first, goes on before; None for the first page."""
    position = decode_cursor(cursor, id=str)
    before = None if position is None else identifier(position["id"])
    if position is not None and before is None:
        raise BadRequest("Deze cursor komt niet van ons.", pointer="cursor", code="unknownCursor")
    return before


def link_next(request: Request, response: Response, next_cursor: str | None) -> None:
    """Set the Link header to the next page, with the same filters."""
    if next_cursor is None:
        return
    query = {**dict(request.query_params), "cursor": next_cursor}
    response.headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
