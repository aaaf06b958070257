"""Cursors: opaque, and never trusted."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient

from foundation.pages import decode_cursor, encode_cursor, link_next
from foundation.refusals import BadRequest


def forged(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def test_no_cursor_is_the_beginning() -> None:
    assert decode_cursor(None, sequence=int) is None


def test_a_cursor_of_ours_comes_back() -> None:
    assert decode_cursor(encode_cursor({"sequence": 42, "id": "é"}), sequence=int, id=str) == {
        "sequence": 42,
        "id": "é",
    }


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "geen cursor",
        "ééé",
        "\x00",
        forged(b"\xff\xfe"),
        forged(b"[]"),
        forged(b"null"),
        forged(b"{}"),
        forged(b'{"sequence": "1"}'),
        forged(b'{"sequence": 1.0}'),
        forged(b'{"sequence": true}'),
        forged(b'{"sequence": NaN}'),
        forged(b'{"sequence": null}'),
        forged(b'{"sequence": 9223372036854775808}'),
        forged(b'{"sequence": -9223372036854775809}'),
        forged(b'{"sequence": ' + b"9" * 5000 + b"}"),
        forged(b"[" * 100_000),
        forged(json.dumps({"other": 1}).encode()),
    ],
)
def test_a_forged_cursor_is_a_bad_request(cursor: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        decode_cursor(cursor, sequence=int)
    assert (refusal.value.status, refusal.value.errors[0].code) == (400, "unknownCursor")
    assert refusal.value.errors[0].pointer == "cursor"


def test_the_link_keeps_the_other_filters() -> None:
    api = FastAPI()

    @api.get("/things")
    def things(request: Request, response: Response) -> dict[str, Any]:
        link_next(request, response, request.query_params.get("next"))
        return {}

    client = TestClient(api)
    assert "Link" not in client.get("/things").headers
    link = client.get("/things?state=dead&next=abc%3D&cursor=old").headers["Link"]
    assert link == '</things?state=dead&next=abc%3D&cursor=abc%3D>; rel="next"'
