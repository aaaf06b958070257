"""Calls to another service: signed, with a deadline, bounded retries and the request id passed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
import stamina
import structlog

from foundation.observability import REQUEST_ID_HEADER

CONNECT_TIMEOUT_S = 2.0
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
        self._http = httpx.Client(
            base_url=base_url,
            limits=httpx.Limits(max_connections=10, max_keepalive_connections=5),
            follow_redirects=False,
        )

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

        All tries together stay within the deadline. Only requests that are safe to repeat are tried again: reads,
        and writes with an idempotency key.
        """
        until = time.monotonic() + self._deadline_s
        repeatable = method in ("GET", "HEAD") or idempotency_key is not None
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
        headers = {"Authorization": f"Bearer {self._authorise(on_behalf_of)}"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers[REQUEST_ID_HEADER] = request_id
        try:
            timeout = httpx.Timeout(left_s, connect=min(left_s, CONNECT_TIMEOUT_S))
            response = self._http.request(method, path, json=body, params=params, headers=headers, timeout=timeout)
        except httpx.TransportError as error:
            raise ServiceUnavailable(f"{type(error).__name__} at {path}") from error
        if response.is_success:
            return _content(response, path)
        problem = _problem(response)
        refused = response.is_client_error and response.status_code not in RETRIED_STATUSES
        if not refused or _first_error(problem).get("code") == "stillRunning":
            raise ServiceUnavailable(f"status {response.status_code} at {path}", _retry_after(response))
        raise ServiceRefused(response.status_code, problem)

    def close(self) -> None:
        self._http.close()


def _content(response: httpx.Response, path: str) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        # Success that says nothing we understand is no answer of the service: something stands between us.
        raise ServiceUnavailable(f"no JSON at {path}") from error


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        decoded = response.json()
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _retry_after(response: httpx.Response) -> float | None:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
