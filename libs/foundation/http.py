"""Calls to another service: signed, with a deadline, bounded retries and the request id passed on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import stamina
import structlog
import urllib3
from urllib3.exceptions import HTTPError

from foundation.observability import REQUEST_ID_HEADER

CONNECT_TIMEOUT_S = 2.0
MOST_CONNECTIONS = 10
DEADLINE_S = 50.0
"""Below a worker's hard time limit of 60 s, so that the caller learns of it and not its supervisor."""

RETRIED_STATUSES = frozenset({408, 425, 429})
"""Besides every 5xx, and what is neither success nor refusal: a redirect is somebody else's answer."""


class ServiceRefused(Exception):
    """The service understood and said no; the same request will be refused again."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        error = _first_error(problem)
        self.status = status
        self.problem = dict(problem)
        self.code = str(error.get("code") or status)
        self.message = str(error.get("message") or problem.get("detail") or f"status {status}")
        super().__init__(f"{status} {self.code}: {self.message}")


def _first_error(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the first error of a problem document, whatever stands in its place."""
    errors = problem.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return first if isinstance(first, dict) else {}


class ServiceUnavailable(Exception):
    """The service did not answer, or not in a way that tells what happened; try the same request again later."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServiceClient:
    """Speaks JSON with one service; every request is signed anew, since a token lives for 60 seconds only."""

    def __init__(
        self, base_url: str, authorise: Callable[[str | None], str], *, deadline_s: float = DEADLINE_S
    ) -> None:
        """`authorise` makes a token, for the person or job that the call is on behalf of."""
        self._authorise = authorise
        self._deadline_s = deadline_s
        # Connections to one address, and no proxy of the environment between us and our own services.
        self._http = urllib3.connection_from_url(base_url, maxsize=MOST_CONNECTIONS, block=True)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str | Sequence[str]] | None = None,
        idempotency_key: str | None = None,
        on_behalf_of: str | None = None,
        attempts: int = 3,
    ) -> Any:
        """Send and give the decoded answer. Raises `ServiceRefused` on 4xx, `ServiceUnavailable` otherwise.

        All tries together stay within the deadline. Only requests that are safe to repeat are tried again: reads, PUT,
        and writes with an idempotency key.
        """
        until = time.monotonic() + self._deadline_s
        repeatable = method in ("GET", "HEAD", "PUT") or idempotency_key is not None
        for attempt in stamina.retry_context(
            on=ServiceUnavailable,
            attempts=attempts if repeatable else 1,
            timeout=self._deadline_s,
            wait_initial=0.1,
            wait_max=2.0,
            wait_jitter=0.2,
        ):
            with attempt:
                left_s = max(until - time.monotonic(), 0.01)
                return self._send(method, path, body, params, idempotency_key, on_behalf_of, left_s)
        raise AssertionError("the retries either return or raise")

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str | Sequence[str]] | None,
        idempotency_key: str | None,
        on_behalf_of: str | None,
        left_s: float,
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._authorise(on_behalf_of)}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers[REQUEST_ID_HEADER] = request_id
        address = f"{path}?{urlencode(params, doseq=True)}" if params else path
        try:
            response = self._http.urlopen(
                method,
                address,
                body=content,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(left_s, CONNECT_TIMEOUT_S), read=left_s),
                pool_timeout=max(int(left_s), 1),
                # What is tried again, and how often, is said above.
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            raise ServiceUnavailable(f"{type(error).__name__} at {path}") from error
        if 200 <= response.status < 300:
            return _content(response, path)
        problem = _problem(response)
        refused = 400 <= response.status < 500 and response.status not in RETRIED_STATUSES
        if not refused or _first_error(problem).get("code") == "stillRunning":
            raise ServiceUnavailable(f"status {response.status} at {path}", _retry_after(response))
        raise ServiceRefused(response.status, problem)

    def close(self) -> None:
        self._http.close()


def _content(response: urllib3.BaseHTTPResponse, path: str) -> Any:
    if not response.data:
        return None
    try:
        return json.loads(response.data)
    except ValueError as error:
        # Success that says nothing we understand is no answer of the service: something stands between us.
        raise ServiceUnavailable(f"no JSON at {path}") from error


def _problem(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        decoded = json.loads(response.data)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _retry_after(response: urllib3.BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
