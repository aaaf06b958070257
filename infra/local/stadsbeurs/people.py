"""The people of a municipality at work: every call goes over HTTP through the gateway, each with its own token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from stadsbeurs import tokens
from stadsbeurs.mistakes import Mistake

WALLET = "/api/wallet/v1"
BURGERBUDGET = "/api/burgerbudget/v1"
SOCIAAL_KREDIET = "/api/sociaal-krediet/v1"
BELKOSTEN = "/api/belkosten/v1"

PAGE = 1000
TRIES = 60
PAUSE_S = 0.5
"""Between two tries. Every write carries an idempotency key, so that trying again is harmless."""
WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})


class Refused(Mistake):
    """The house said no; `code` is the stable code of its reason."""

    def __init__(self, call: str, status: int, code: str, detail: str) -> None:
        super().__init__(f"{call} was answered with {status} {code}: {detail}")
        self.status = status
        self.code = code


class People:
    """Everybody who may knock at the gateway of one local installation."""

    def __init__(self, address: str, keys: Path) -> None:
        """`keys` is the folder with the key of the stand-in identity provider."""
        self._keys = keys
        self._people: dict[tuple[str | None, ...], Person] = {}
        self._http = httpx.Client(base_url=address, timeout=httpx.Timeout(60.0, connect=5.0))

    def __enter__(self) -> People:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def person(
        self, role: str, subject: str | None = None, *, organisation: str | None = None, holder: str | None = None
    ) -> Person:
        """Somebody signed in for one hour; `subject` defaults to the name of the role."""
        who = (role, subject, organisation, holder)
        if who not in self._people:
            token = tokens.sign_in(self._keys, role, subject, holder, organisation)
            self._people[who] = Person(self._http, token)
        return self._people[who]


class Person:
    """One signed-in person: what this person asks for and has done."""

    def __init__(self, http: httpx.Client, token: str) -> None:
        self._http = http
        self._authorisation = f"Bearer {token}"

    def get(self, path: str, **query: str | int) -> Any:
        """Read JSON. Raises `Refused`."""
        return self.fetch(path, **query).json()

    def items(self, path: str, **query: str | int) -> Iterator[Any]:
        """Read a list to its end, page by page. Raises `Refused`."""
        page = self.get(path, limit=PAGE, **query)
        yield from page["items"]
        while page["nextCursor"]:
            page = self.get(path, limit=PAGE, cursor=page["nextCursor"], **query)
            yield from page["items"]

    def fetch(self, path: str, **query: str | int) -> httpx.Response:
        """Read something that is not JSON, with its headers. Raises `Refused`."""
        return self._send("GET", path, {}, params=query)

    def post(self, path: str, key: str, body: Any = None) -> Any:
        """Have something done once, however often this is called with the same key. Raises `Refused`."""
        return self._send("POST", path, {"Idempotency-Key": key}, json=body).json()

    def upload(self, path: str, key: str, content: bytes, media_type: str, **query: str) -> Any:
        """Hand a file in, once per key. Raises `Refused`."""
        headers = {"Idempotency-Key": key, "Content-Type": media_type}
        return self._send("POST", path, headers, content=content, params=query).json()

    def order(self, path: str, key: str, body: Any) -> bytes:
        """Have a file made. Raises `Refused`."""
        return self._send("POST", path, {"Idempotency-Key": key}, json=body).content

    def _send(self, method: str, path: str, headers: dict[str, str], **content: Any) -> httpx.Response:
        call = f"{method} {path}"
        headers = {"Authorization": self._authorisation, **headers}
        for tries_left in reversed(range(TRIES)):
            try:
                answer = self._http.request(method, path, headers=headers, **content)
            except httpx.TransportError as error:
                if not tries_left:
                    raise Mistake(f"{call} got no answer: {error or type(error).__name__}.") from error
            else:
                if answer.is_success:
                    return answer
                refusal = _refusal(call, answer)
                if not tries_left or not _worth_another_try(refusal):
                    raise refusal
            time.sleep(PAUSE_S)
        raise AssertionError("the last try returns or raises")


def _worth_another_try(refusal: Refused) -> bool:
    return refusal.status in WORTH_ANOTHER_TRY or refusal.code == "stillRunning"


def _refusal(call: str, answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
        first = (problem.get("errors") or [{}])[0]
        return Refused(call, answer.status_code, str(first.get("code", "")), str(problem.get("detail", "")))
    except (ValueError, AttributeError):
        return Refused(call, answer.status_code, "", answer.text[:200])
