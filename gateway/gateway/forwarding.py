"""Forwarding `/api/<service>/v1/…`: a fresh request to one service of a fixed table, never the bytes that came in."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote, unquote

import aiohttp
import structlog
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from foundation.access import bearer_token
from foundation.application import PROBLEM_TYPE, problem_response
from foundation.observability import REQUEST_ID_HEADER
from foundation.refusals import TITLES, BadRequest, NotFound, Problem, TooLarge, UnsupportedType
from gateway.backends import Backends
from gateway.connections import Pieces, outages_of
from gateway.metrics import FORWARDED
from gateway.refusals import ClientSlow, ServiceSlow
from gateway.sign_in import Callers

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
MAX_BODY_BYTES = 101 * 1024 * 1024
"""Just above the largest upload that a service takes (100 MiB), so that the service itself can say no."""

DEADLINE_S = 30.0
LONG_DEADLINE_S = 120.0
LARGE_BODY_BYTES = 1024 * 1024
SMALL_BODY_BYTES = 64 * 1024
"""What is no larger is taken in first and goes out in one piece with its headers."""
MAX_UPLOAD_S = 900.0
"""The longest that a whole upload may take: 100 MiB over a line of 1 Mbit/s."""

LONG_CALLS = re.compile(
    r"(^|/)(batches|bank-messages|invoices|submissions|sendings|closings/[^/]+/confirmations|trial-balance"
    r"|exports/[a-z]+(/manifest)?)$"
)
"""Calls that may work longer than others; the last part of the path names them."""

REQUEST_HEADERS = frozenset({"accept", "content-type", "idempotency-key"})
RESPONSE_HEADERS = frozenset(
    {
        b"allow",
        b"api-version",
        b"cache-control",
        b"content-digest",
        b"content-disposition",
        b"content-language",
        b"content-length",
        b"content-type",
        b"deprecation",
        b"idempotency-hit",
        b"link",
        b"location",
        b"repr-digest",
        b"retry-after",
        b"stadsbeurs-as-of-block",
        b"sunset",
        b"www-authenticate",
        b"x-content-sha256",
        b"x-row-count",
    }
)
_ADDRESSES = frozenset({b"location"})
_OF_A_REFUSAL = frozenset({b"allow", b"retry-after", b"www-authenticate"})

_RAW_PATH = re.compile(rb"(?:/(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})+)+")
_API_PATH = re.compile(r"/api/([a-z][a-z0-9-]*)/v1/(.+)")
_NOT_IN_A_PATH = re.compile(r"[/\\;%\x00-\x1f\x7f]")
MAX_PATH_BYTES = 2048
MAX_QUERY_BYTES = 8192

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """A call that needs no token; what it carries instead is the service's to check."""

    method: str
    path: str
    service: str | None = None
    """None: of every service."""
    headers: frozenset[str] = frozenset()
    """Request headers that pass besides the usual ones, such as a signature."""


PUBLIC_ROUTES = (
    PublicRoute("GET", "openapi.json"),
    # Stripe has no token of ours: its signature over the very bytes says that it is Stripe.
    PublicRoute("POST", "stripe-events", "sociaal-krediet", frozenset({"stripe-signature"})),
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: a service of the table and an encoded path that holds no tricks."""

    service: str
    path: str
    """After `/api/<service>/v1/`, decoded."""
    address: str
    """The whole path, encoded anew."""


def target_of(raw_path: bytes, services: Backends | frozenset[str]) -> Target:
    """Read where a raw path leads; what is not a plain path to a known service raises `NotFound`.

    The path is decoded once. Encoded slashes, backslashes, `;`, `%`, control characters, empty segments, `.` and
    `..`, and a slash at the end are no path of ours: two programs that read one differently would be a way around
    a check.
    """
    unknown = NotFound("Dit adres bestaat niet.")
    if len(raw_path) > MAX_PATH_BYTES or not _RAW_PATH.fullmatch(raw_path):
        raise unknown
    try:
        segments = [unquote(segment, errors="strict") for segment in raw_path[1:].decode("ascii").split("/")]
    except UnicodeDecodeError:
        raise unknown from None
    if any(segment in (".", "..") or _NOT_IN_A_PATH.search(segment) for segment in segments):
        raise unknown
    found = _API_PATH.fullmatch("/" + "/".join(segments))
    if found is None or found[1] not in services:
        raise unknown
    address = "/" + "/".join(quote(segment, safe="!$&'()*+,=:@~") for segment in segments)
    return Target(found[1], found[2], address)


def public_route(method: str, target: Target) -> PublicRoute | None:
    """Give the entry of the table by which this call needs no token, if there is one."""
    for route in PUBLIC_ROUTES:
        if (route.method, route.path) == (method, target.path) and route.service in (None, target.service):
            return route
    return None


def passed_headers(request: Request, more: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Give the request's headers that a service may see: those of a short list, once each.

    Whatever `Connection` names was meant for us alone (RFC 9110, 7.6.1), and goes no further.
    """
    for_us_alone = {
        name.strip().lower() for value in request.headers.getlist("connection") for name in value.split(",")
    }
    passed = []
    for name in sorted((REQUEST_HEADERS | more) - for_us_alone):
        values = request.headers.getlist(name)
        if len(values) > 1:
            raise BadRequest(f"De header {name} staat er meer dan één keer.", code="repeatedHeader")
        if values:
            if not values[0].isascii():
                raise BadRequest(f"De header {name} bevat tekens die niet in ASCII staan.", code="malformedHeader")
            passed.append((name, values[0]))
    return passed


class Upload:
    """The body of one request on its way through: counted, never kept."""

    def __init__(self, request: Request, size: int | None) -> None:
        self.size = size
        self.waits_for_client = False
        self._request = request

    async def chunks(self, clock: asyncio.Timeout, deadline_s: float) -> AsyncIterator[bytes]:
        """Give the body piece by piece; each piece gives the sender, and then the service, `deadline_s` more."""
        loop = asyncio.get_running_loop()
        end = loop.time() + MAX_UPLOAD_S
        passed = 0
        self.waits_for_client = True
        async for chunk in self._request.stream():
            self.waits_for_client = False
            passed += len(chunk)
            if passed > MAX_BODY_BYTES:
                raise too_large()
            if chunk:
                yield chunk
            clock.reschedule(min(loop.time() + deadline_s, end))
            self.waits_for_client = True
        self.waits_for_client = False


def upload_of(request: Request) -> Upload | None:
    """Give the body of a request, or None where it has none. Raises `TooLarge` when it says so beforehand."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedType("Stuur de inhoud zonder Content-Encoding.")
    coding = request.headers.get("transfer-encoding")
    if coding is not None and coding.strip().lower() != "chunked":
        # The parser would only notice once the service has the request.
        raise BadRequest("Transfer-Encoding kan hier alleen chunked zijn.")
    length = request.headers.get("content-length")
    if request.method in ("GET", "HEAD"):
        return None
    if length is None:
        return Upload(request, 0 if coding is None else None)
    if not (length.isascii() and length.isdigit()):
        raise BadRequest("Content-Length is geen getal.")
    if int(length) > MAX_BODY_BYTES:
        raise too_large()
    return Upload(request, int(length))


def too_large() -> TooLarge:
    return TooLarge("De inhoud is groter dan 100 MiB. Verdeel die over meer bestanden.")


async def forward(request: Request) -> Response:
    """Pass one call on to its service and its answer back, both as they stream."""
    backends: Backends = request.app.state.backends
    callers: Callers = request.app.state.callers
    target = target_of(request.scope["raw_path"], backends)
    public = public_route(request.method, target)
    if public is None:
        caller = await callers.check(bearer_token(request))
        headers = [
            ("Authorization", backends.authorisation(target.service, caller)),
            *passed_headers(request),
        ]
    else:
        headers = passed_headers(request, public.headers)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    if request_id:
        headers.append((REQUEST_ID_HEADER, request_id))
    upload = upload_of(request)
    query: bytes = request.scope["query_string"]
    if len(query) > MAX_QUERY_BYTES or not query.isascii():
        raise BadRequest("De vraag achter het adres is te lang of bevat vreemde tekens.")
    address = target.address + (f"?{query.decode('ascii')}" if query else "")
    began = time.perf_counter()
    try:
        answer = await _exchange(backends, request, target, address, headers, upload)
    except ClientDisconnect:
        # Nobody is left to read this; it only ends the exchange in an orderly way.
        return problem_response(400, "De afzender is weg.")
    FORWARDED.labels(target.service, answer.status).observe(time.perf_counter() - began)
    return _passed_back(request, target, answer)


async def _exchange(
    backends: Backends,
    request: Request,
    target: Target,
    address: str,
    headers: list[tuple[str, str]],
    upload: Upload | None,
) -> aiohttp.ClientResponse:
    large = upload is not None and (upload.size is None or upload.size > LARGE_BODY_BYTES)
    deadline_s = LONG_DEADLINE_S if large or LONG_CALLS.search(target.path) else DEADLINE_S
    try:
        async with asyncio.timeout(deadline_s) as clock:
            content: bytes | Pieces | None = None
            if upload is not None and upload.size != 0:
                pieces = upload.chunks(clock, deadline_s)
                small = upload.size is not None and upload.size <= SMALL_BODY_BYTES
                content = b"".join([piece async for piece in pieces]) if small else Pieces(pieces)
            if upload is not None and upload.size is not None:
                headers = [*headers, ("Content-Length", str(upload.size))]
            return await backends.send(target.service, request.method, address, headers, content, deadline_s)
    except TimeoutError:
        if upload is not None and upload.waits_for_client:
            raise ClientSlow("De inhoud van de aanvraag kwam niet op tijd binnen.") from None
        raise ServiceSlow(target.service) from None


def _passed_back(request: Request, target: Target, answer: aiohttp.ClientResponse) -> Response:
    headers = [
        (name, value)
        for name, value in ((name.lower(), value) for name, value in answer.raw_headers)
        if name in RESPONSE_HEADERS and (name not in _ADDRESSES or _is_ours(value))
    ]
    status = answer.status
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if status >= 400 and kind != PROBLEM_TYPE and request.method != "HEAD":
        # The server around a service refuses some requests in words of its own; here everything is a problem document.
        answer.close()
        status = 502 if status >= 500 else status
        text = TITLES.get(status, "Dit kan niet") + "."
        keep = {name.decode(): value.decode("latin-1") for name, value in headers if name in _OF_A_REFUSAL}
        return problem_response(status, text, [Problem("", "tooLarge" if status == 413 else "refused", text)], keep)
    # An answer that came whole with its headers goes on whole too.
    whole = answer.content.is_eof()
    response = Response(answer.content.read_nowait(), status) if whole else Streamed(answer, target.service)
    response.raw_headers = headers
    return response


def _is_ours(address: bytes) -> bool:
    """A way on within this site: an address with a host in it would show where a service lives."""
    return address.startswith(b"/") and not address.startswith(b"//")


class Streamed(StreamingResponse):
    """A service's answer on its way through; its connection is given back whatever happens to the reader."""

    def __init__(self, answer: aiohttp.ClientResponse, service: str) -> None:
        self._answer = answer
        super().__init__(self._chunks(service), answer.status)

    async def _chunks(self, service: str) -> AsyncIterator[bytes]:
        # A service that breaks off half way must not look finished: the error closes the connection to the reader.
        with outages_of(service):
            async for chunk in self._answer.content.iter_any():
                yield chunk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._answer.close()


class Forwarding(Route):
    """The route of all forwarding: without what the framework does for arguments and schemas, which take their time."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if match != Match.NONE:
            # Requests are counted under the route's path.
            found["route"] = self
        return match, found


def add_forwarding(api: FastAPI) -> None:
    """Forward everything below /api; what is not there is a problem document, never a page."""
    api.router.routes.append(Forwarding("/api/{rest:path}", forward, methods=METHODS, include_in_schema=False))
