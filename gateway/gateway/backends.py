"""The services behind the gateway: their addresses, their connections and what it means when they stay silent."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import structlog

from foundation.access import Caller, TokenSigner
from foundation.observability import REQUEST_ID_HEADER
from foundation.refusals import BadRequest, Forbidden, NotFound
from gateway.connections import Pieces, ask, open_session, outages_of
from gateway.refusals import ServiceBroke, ServiceDown

PAGE_DEADLINE_S = 10.0
READY_DEADLINE_S = 2.0

TOKEN_KEPT_S = 20.0
MOST_TOKENS = 10_000

# What RFC 9110 and 9112 let be written; nothing else becomes part of a request of ours.
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")
_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?")

log = structlog.get_logger()


class Backends:
    """Speaks with each service over its own connections, so that a slow one takes none from the others."""

    def __init__(self, urls: Mapping[str, str], signer: TokenSigner) -> None:
        self._signer = signer
        self._tokens: dict[tuple[str, Caller], tuple[str, float]] = {}
        self._urls = dict(urls)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def open(self) -> None:
        """Make ready to send; in the loop that will do it."""
        self._sessions = {name: open_session() for name in self._urls}

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def __contains__(self, name: str) -> bool:
        return name in self._urls

    @property
    def names(self) -> list[str]:
        return list(self._urls)

    def authorisation(self, name: str, caller: Caller) -> str:
        """Give a token of 60 seconds with which one service knows this caller, signed lately."""
        # A program that asks a hundred times a second is signed for once in a while: at both ends a signature costs a third
        # of a millisecond. Whoever the caller is now was checked before this, at this very request.
        known = (name, caller)
        token, until = self._tokens.get(known, ("", 0.0))
        if time.monotonic() >= until:
            if len(self._tokens) >= MOST_TOKENS:
                self._tokens.clear()
            token = self._signer.token(
                name,
                caller.subject,
                caller.roles,
                holder_id=caller.holder_id,
                organisation_id=caller.organisation_id,
            )
            self._tokens[known] = (token, time.monotonic() + TOKEN_KEPT_S)
        return f"Bearer {token}"

    async def send(
        self,
        name: str,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        content: bytes | Pieces | None,
        wait_s: float,
    ) -> aiohttp.ClientResponse:
        """Send and give the answer as soon as its headers are there; `target` is a path and query, encoded already.

        Raises `ServiceDown`, `ServiceBroke` or `ServiceSlow`, and `BadRequest` for what cannot be written as HTTP.
        """
        if not _TARGET.fullmatch(target) or not all(_VALUE.fullmatch(value) for _, value in headers):
            raise BadRequest("De aanvraag is geen goede HTTP-aanvraag.")
        headers = [("Accept-Encoding", "identity"), *headers]
        with outages_of(name):
            return await ask(self._sessions[name], method, self._urls[name] + target, headers, content, wait_s)

    async def read(
        self, name: str, path: tuple[str, ...], caller: Caller, params: Mapping[str, str] | None = None
    ) -> Any:
        """Read one JSON document for a page, in the caller's name.

        Raises `NotFound` and `Forbidden` when the service says so, an outage otherwise.
        """
        return await self._ask_for_page("GET", name, path, caller, params or {}, [])

    async def tell(self, name: str, path: tuple[str, ...], caller: Caller, *, key: str) -> Any:
        """Do what a button on a page stands for, in the caller's name; `key` makes that pressing it twice is once.

        Gives the service's answer; raises the same as `read`.
        """
        return await self._ask_for_page("POST", name, path, caller, {}, [("Idempotency-Key", key)])

    async def _ask_for_page(
        self,
        method: str,
        name: str,
        path: tuple[str, ...],
        caller: Caller,
        params: Mapping[str, str],
        more_headers: list[tuple[str, str]],
    ) -> Any:
        headers = [("Authorization", self.authorisation(name, caller)), ("Accept", "application/json"), *more_headers]
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers.append((REQUEST_ID_HEADER, request_id))
        address = f"/api/{name}/v1/" + "/".join(quote(segment, safe="") for segment in path)
        if params:
            address += f"?{urlencode(params)}"
        answer = await self.send(name, method, address, headers, None, PAGE_DEADLINE_S)
        try:
            with outages_of(name):
                content = await answer.read()
        finally:
            answer.close()
        if answer.status in (200, 201):
            return json.loads(content)
        if answer.status == 400:
            raise BadRequest("Deze pagina kan niet worden gevraagd met deze gegevens.")
        if answer.status == 403:
            raise Forbidden("Dit mag u niet bekijken.")
        if answer.status == 404:
            raise NotFound("Dit is er niet, of het is niet van u.")
        log.warning("page-request-failed", service=name, method=method, status=answer.status)
        raise ServiceDown(name) if answer.status == 503 else ServiceBroke(name)

    async def ready(self) -> dict[str, bool]:
        """Ask every service at once whether it can do its work."""

        async def is_ready(name: str) -> bool:
            try:
                async with asyncio.timeout(READY_DEADLINE_S):
                    answer = await ask(
                        self._sessions[name], "GET", f"{self._urls[name]}/readyz", [], None, READY_DEADLINE_S
                    )
            except (aiohttp.ClientError, TimeoutError):
                return False
            answer.close()
            return answer.status == 200

        answers = await asyncio.gather(*(is_ready(name) for name in self._urls))
        return dict(zip(self._urls, answers, strict=True))
