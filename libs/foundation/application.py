"""The same API in every service: versions, problem documents, request ids, health and metrics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foundation.access import TokenVerifier
from foundation.database import Database, is_lock_timeout, is_unavailable
from foundation.identifiers import new_id
from foundation.known_parameters import only_known_parameters
from foundation.malformed import UNREADABLE, faults_in, told
from foundation.metrics import REQUESTS
from foundation.observability import REQUEST_ID_HEADER, is_request_id
from foundation.refusals import Problem, Refusal, problem

API_VERSION = "1.0.0"
PROBLEM_TYPE = "application/problem+json"
NOT_HERE = "Dit adres bestaat niet."
BODY_TOO_LARGE = "De aanvraag is te groot. Splits haar in delen."
_TOO_LARGE = "stadsbeurs.too_large"
_CODES = {404: "notFound", 405: "methodNotAllowed", 413: "tooLarge"}
_TEXTS = {400: UNREADABLE, 404: NOT_HERE, 405: "Dit adres kent deze methode niet.", 413: BODY_TOO_LARGE}
MAX_BODY_BYTES = 8 * 1024 * 1024
"""Room for 10,000 transfers; uploads that are streamed set their own."""

log = structlog.get_logger()

Checks = Mapping[str, Callable[[], bool]]


class Api(FastAPI):
    """FastAPI whose refusal of a body that is too large is a problem document too."""

    def build_middleware_stack(self) -> ASGIApp:
        return TooLargeIsAProblem(super().build_middleware_stack())


def create_api(
    name: str,
    *,
    database: Database,
    verifier: TokenVerifier,
    routers: Sequence[APIRouter],
    checks: Checks | None = None,
    state: Mapping[str, Any] | None = None,
) -> FastAPI:
    """Build the API of one service under `/api/<name>/v1`; `state` is put on `app.state` for its routes."""
    base = f"/api/{name}/v1"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    api = Api(
        title=f"Stadsbeurs {name}",
        version=API_VERSION,
        openapi_url=f"{base}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        # Bodies and faulty input would go along with the framework's own log records.
        telemetry={"logs": False},
        lifespan=lifespan,
    )
    api.state.database = database
    api.state.verifier = verifier
    for key, value in (state or {}).items():
        setattr(api.state, key, value)
    for router in routers:
        api.include_router(router, prefix=base, dependencies=[Depends(only_known_parameters)])
    answer_with_problems(api)
    observe(api)
    add_health(api, {"database": database.answers, **(checks or {})})
    return api


def add_health(api: FastAPI, checks: Checks) -> None:
    """Add /healthz (alive), /readyz (can do its work) and /metrics."""

    @api.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @api.get("/readyz", include_in_schema=False)
    def readyz() -> JSONResponse:
        results = {name: check() for name, check in checks.items()}
        ready = all(results.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": results}, 200 if ready else 503)

    @api.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def observe(api: FastAPI) -> None:
    """Give every answer its request id, version and safe headers; log and count it without its content."""
    api.add_middleware(Observed)


class Observed:
    """Watches each request pass.

    Plain ASGI, because the framework's own base class for middleware ends a streamed answer in good order when its
    source broke half way: a cut export would look whole. Here the server hangs up instead, and the reader notices.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
        request_id = given if is_request_id(given) else str(new_id())
        began = time.perf_counter()
        status: int | None = None

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID_HEADER] = request_id
                # An answer that the gateway passes on keeps the version of the service that gave it.
                headers.setdefault("API-Version", API_VERSION)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if "\x00" in scope["path"]:
                # No address holds a NUL, and PostgreSQL takes none as text.
                await problem_response(404, NOT_HERE, [Problem("", "notFound", NOT_HERE)])(scope, receive, send_marked)
            elif b"%00" in scope["query_string"] or b"\x00" in scope["query_string"]:
                text = "In de vraag staat een NUL-teken; dat hoort niet in tekst. Laat het weg."
                await problem_response(400, text, [Problem("query", "malformed", text)])(scope, receive, send_marked)
            else:
                await self._app(scope, receive, send_marked)
        except Exception:
            if scope.get(_TOO_LARGE):
                status = 413
                raise
            log.exception("request-failed", method=method)
            if status is not None:
                raise
            text = "Er ging iets mis aan onze kant. Noem bij een vraag het nummer van deze aanvraag."
            await problem_response(500, text)(scope, receive, send_marked)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = time.perf_counter() - began
            REQUESTS.labels(method, route, status or 500).observe(seconds)
            if route not in ("/healthz", "/readyz", "/metrics"):
                log.info("request", method=method, route=route, status=status or 500, ms=round(seconds * 1000, 1))
            structlog.contextvars.unbind_contextvars("request_id")


class TooLargeIsAProblem:
    """Puts a problem document in the place of the framework's own answer to a body above the limit.

    It stands outside all else, because that answer is given outside of every handler and of `Observed`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_problem(message: Message) -> None:
            if scope.get(_TOO_LARGE):
                return
            refused = message["type"] == "http.response.start" and message["status"] == 413
            if refused and Headers(raw=message["headers"]).get("content-type") != PROBLEM_TYPE:
                scope[_TOO_LARGE] = True
                headers = {"API-Version": API_VERSION, "Cache-Control": "no-store"}
                answer = problem_response(413, BODY_TOO_LARGE, [Problem("", "tooLarge", BODY_TOO_LARGE)], headers)
                await answer(scope, receive, send)
                return
            await send(message)

        await self._app(scope, receive, send_problem)


def problem_response(
    status: int, detail: str, errors: Sequence[Problem] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Answer with a problem document."""
    return JSONResponse(problem(status, detail, errors), status, dict(headers or {}), PROBLEM_TYPE)


def answer_with_problems(api: FastAPI) -> None:
    """Turn refusals, malformed input and an absent database into problem documents."""

    @api.exception_handler(Refusal)
    async def refused(_: Request, refusal: Refusal) -> JSONResponse:
        return JSONResponse(refusal.as_problem(), refusal.status, refusal.headers, PROBLEM_TYPE)

    @api.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = faults_in(error.errors())
        return problem_response(400, told(faults), faults)

    @api.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        status = 400 if error.status_code == 422 else error.status_code
        text = _TEXTS.get(status) or str(error.detail)
        return problem_response(status, text, [Problem("", _CODES.get(status, "malformed"), text)], error.headers)

    async def broken(request: Request, error: Exception) -> JSONResponse:
        if is_lock_timeout(error):
            text = "Een ander is met hetzelfde bezig. Probeer het zo opnieuw."
            return problem_response(409, text, [Problem("", "stillRunning", text)], {"Retry-After": "1"})
        if isinstance(error, PoolTimeout) or is_unavailable(error):
            text = "De database antwoordt even niet. Probeer het zo opnieuw."
            return problem_response(503, text, [Problem("", "unavailable", text)], {"Retry-After": "2"})
        raise error

    api.add_exception_handler(DBAPIError, broken)
    api.add_exception_handler(psycopg.Error, broken)
    api.add_exception_handler(PoolTimeout, broken)
