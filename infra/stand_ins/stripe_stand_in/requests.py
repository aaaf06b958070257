"""How a request is answered: by whom it was sent, once per idempotency key, in one transaction, with Stripe's headers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from stripe_stand_in.deliveries import Sender
from stripe_stand_in.forms import Form, tree
from stripe_stand_in.objects import API_VERSION
from stripe_stand_in.payments import Till
from stripe_stand_in.refusals import StripeRefusal, invalid
from stripe_stand_in.settings import StandInSettings
from stripe_stand_in.store import Answer, Change, Object, Store, new_id

LONGEST_KEY = 255

Act = Callable[[Till, Form], Object]


class Counter:
    """Where requests come in: everything that an answer needs."""

    def __init__(self, settings: StandInSettings, store: Store, sender: Sender) -> None:
        self.settings = settings
        self.store = store
        self.sender = sender

    async def change(self, request: Request, act: Act) -> Response:
        """Answer a POST of the API."""
        self.check_caller(request)
        body = (await request.body()).decode(errors="replace")
        pairs = parse_qsl(body, keep_blank_values=True)
        key = request.headers.get("Idempotency-Key")
        request_id = new_id("req")
        answer, replayed = await run_in_threadpool(self._once, request.url.path, pairs, key, request_id, act)
        self.sender.wake()
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        headers |= {"Idempotency-Key": key} if key else {}
        headers |= {"Idempotent-Replayed": "true"} if replayed else {}
        return Response(answer.body, answer.status, headers, "application/json")

    def _once(
        self, path: str, pairs: Sequence[tuple[str, str]], key: str | None, request_id: str, act: Act
    ) -> tuple[Answer, bool]:
        if key is not None and len(key) > LONGEST_KEY:
            raise invalid(f"Idempotency keys have at most {LONGEST_KEY} characters.")
        asked = hashlib.sha256(json.dumps([path, sorted(pairs)]).encode()).hexdigest()
        with self.store.change() as change:
            kept = change.answer(key) if key else None
            if kept is not None and kept.request != asked:
                raise StripeRefusal(
                    400,
                    "idempotency_error",
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                )
            if kept is not None:
                return kept, True
            form = Form(tree(pairs))
            # What is refused here is not kept: the same key may be used for the request put right.
            made = act(self.till(change, request_id, key), form)
            answer = Answer(asked, 200, json.dumps(made, indent=2))
            if key:
                change.keep_answer(key, answer)
        return answer, False

    def till(self, change: Change, request_id: str | None = None, key: str | None = None) -> Till:
        """Open a till in a transaction."""
        settings = self.settings
        after_s = settings.stripe_settles_after_s
        return Till(change, int(time.time()), settings.stripe_webhook_url, after_s, request_id, key)

    def check_caller(self, request: Request) -> None:
        """Refuse whoever does not show the secret key, or speaks another version."""
        shown = _key(request.headers.get("Authorization", ""))
        wanted = self.settings.stripe_key.get_secret_value()
        if not hmac.compare_digest(shown.encode(), wanted.encode()):
            raise StripeRefusal(401, "invalid_request_error", "Invalid API Key provided.")
        version = request.headers.get("Stripe-Version", API_VERSION)
        if version != API_VERSION:
            raise invalid(f"This stand-in speaks {API_VERSION}, not {version[:40]}.")


def _key(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    if scheme == "Bearer":
        return value
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[0] if scheme == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        return ""


def answer_refusals(api: FastAPI) -> None:
    """Answer every refusal as Stripe does."""

    @api.exception_handler(StripeRefusal)
    async def refused(_: Request, refusal: StripeRefusal) -> JSONResponse:
        headers = {"Request-Id": new_id("req"), "Stripe-Version": API_VERSION}
        return JSONResponse({"error": refusal.body}, refusal.status, headers)

    @api.exception_handler(HTTPException)
    async def not_here(request: Request, error: HTTPException) -> JSONResponse:
        text = f"Unrecognized request URL ({request.method}: {request.url.path})."
        return JSONResponse({"error": {"type": "invalid_request_error", "message": text}}, error.status_code)

    @api.exception_handler(sqlite3.OperationalError)
    async def busy(_: Request, __: sqlite3.OperationalError) -> JSONResponse:
        text = "This object cannot be accessed right now because another API request is accessing it."
        error = {"type": "invalid_request_error", "code": "lock_timeout", "message": text}
        return JSONResponse({"error": error}, 429)
