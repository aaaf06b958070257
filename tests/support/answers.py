"""What another service answers, said beforehand: in the place of urllib3's connections, so that faults come at will."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import httpx
import urllib3

Behaviour = httpx.Response | Exception


class Route:
    """One method and path; `calls` are the requests that came there."""

    def __init__(self) -> None:
        self.calls: list[httpx.Request] = []
        self._behaviour: Behaviour | list[Behaviour] = httpx.Response(500)

    def respond(self, status: int, **content: Any) -> Route:
        """Answer this from now on."""
        return self.behave(httpx.Response(status, **content))

    def behave(self, behaviour: Behaviour | Sequence[Behaviour]) -> Route:
        """Answer or fail so from now on; of a list each once, in its order."""
        self._behaviour = list(behaviour) if isinstance(behaviour, Sequence) else behaviour
        return self

    def take(self, request: httpx.Request) -> Behaviour:
        self.calls.append(request)
        return self._behaviour.pop(0) if isinstance(self._behaviour, list) else self._behaviour


class Answers:
    """The other service: its routes, by method and path."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._routes: dict[tuple[str, str], Route] = {}

    def route(self, method: str, path: str) -> Route:
        return self._routes.setdefault((method, path), Route())

    def get(self, path: str) -> Route:
        return self.route("GET", path)

    def post(self, path: str) -> Route:
        return self.route("POST", path)

    def put(self, path: str) -> Route:
        return self.route("PUT", path)

    def urlopen(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], **_: Any
    ) -> urllib3.HTTPResponse:
        path = url.partition("?")[0]
        assert path.startswith(self._base), f"{path} is not below {self._base}"
        route = self._routes[method, path.removeprefix(self._base)]
        behaviour = route.take(httpx.Request(method, f"http://other.test{url}", headers=headers, content=body))
        if isinstance(behaviour, Exception):
            raise behaviour
        found = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in behaviour.headers.raw]
        return urllib3.HTTPResponse(io.BytesIO(behaviour.content), urllib3.HTTPHeaderDict(found), behaviour.status_code)


@contextmanager
def answering(base: str = "") -> Iterator[Answers]:
    """Answer every request of a `ServiceClient` to paths below `base`."""
    answers = Answers(base)
    with patch.object(urllib3.HTTPConnectionPool, "urlopen", side_effect=answers.urlopen):
        yield answers
