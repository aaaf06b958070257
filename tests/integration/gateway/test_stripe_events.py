"""SK-12: what Stripe sends passes the gateway byte for byte with its signature and without a token, and nothing else does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

EVENTS = "/api/sociaal-krediet/v1/stripe-events"
SIGNED = {"Stripe-Signature": "t=1,v1=ab,v1=cd", "Content-Type": "application/json; charset=utf-8"}
BODY = '{\n  "id": "evt_1",\n  "naam": "Zoë",\n\n  "amount" : 4861 }\r\n'.encode() + b"\xff\x00"


def lending_service() -> FastAPI:
    """A service that tells what reached it, on every path."""
    app = FastAPI(redirect_slashes=False)

    @app.api_route("/api/sociaal-krediet/v1/{rest:path}", methods=["GET", "POST", "PUT"])
    async def told(request: Request) -> JSONResponse:
        headers = {name.decode(): value.decode() for name, value in request.scope["headers"]}
        return JSONResponse({"body": (await request.body()).decode("latin-1"), "headers": headers})

    return app


@pytest.fixture
def door(make_gateway: Any, serve: Any) -> str:
    """The address of a gateway before a service that lends."""
    url: str = make_gateway(sociaal_krediet_url=serve(lending_service()).url).url
    return url


def test_an_event_of_stripe_passes_byte_for_byte_with_its_signature_and_without_a_token(door: str) -> None:
    answer = httpx.post(door + EVENTS, content=BODY, headers={**SIGNED, "Authorization": "Bearer x", "Cookie": "a=b"})
    assert answer.status_code == 200, answer.text
    got = answer.json()
    assert got["body"].encode("latin-1") == BODY
    assert got["headers"]["stripe-signature"] == SIGNED["Stripe-Signature"]
    assert got["headers"]["content-type"] == SIGNED["Content-Type"]
    assert {"authorization", "cookie"}.isdisjoint(got["headers"])
    doubled = httpx.post(door + EVENTS, content=BODY, headers=[*SIGNED.items(), ("Stripe-Signature", "t=2,v1=ef")])
    assert (doubled.status_code, doubled.json()["errors"][0]["code"]) == (400, "repeatedHeader")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", EVENTS),
        ("PUT", EVENTS),
        ("POST", f"{EVENTS}/1"),
        ("POST", "/api/sociaal-krediet/v1/applications"),
        ("POST", "/api/sociaal-krediet/v1/loans/1/repayments"),
        ("POST", "/api/wallet/v1/stripe-events"),
    ],
)
def test_every_other_call_still_needs_a_token(door: str, method: str, path: str) -> None:
    answer = httpx.request(method, door + path, content=BODY if method == "POST" else None, headers=SIGNED)
    assert answer.status_code == 401, answer.text
