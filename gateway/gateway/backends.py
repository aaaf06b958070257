"""The services behind the gateway: their addresses, their connections and what it means when they stay silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import structlog

from foundation.access import Caller, TokenSigner
from foundation.observability import REQUEST_ID_HEADER
from foundation.refusals import BadRequest, Forbidden, NotFound
from gateway.metrics import OUTAGES
from gateway.refusals import ServiceBroke, ServiceDown, ServiceSlow

CONNECT_TIMEOUT_S = 5.0
POOL_TIMEOUT_S = 10.0
PAGE_DEADLINE_S = 10.0
READY_DEADLINE_S = 2.0

TOKEN_KEPT_S = 20.0
MOST_TOKENS = 10_000

KEEPALIVE_EXPIRY_S = 2.0
"""Below the 5 s after which a service hangs up an idle connection: a request never meets a closing one."""

log = structlog.get_logger()


class Backends:
    """Speaks with each service over its own connections, so that a slow one takes none from the others."""

    def __init__(self, urls: Mapping[str, str], signer: TokenSigner) -> None:
        self._signer = signer
        self._tokens: dict[tuple[str, Caller], tuple[str, float]] = {}
        self._clients = {
            name: httpx.AsyncClient(
                base_url=url,
                limits=httpx.Limits(
                    max_connections=200, max_keepalive_connections=50, keepalive_expiry=KEEPALIVE_EXPIRY_S
                ),
                follow_redirects=False,
                # No proxy of the environment stands between us and our own services.
                trust_env=False,
            )
            for name, url in urls.items()
        }

    def __contains__(self, name: str) -> bool:
        return name in self._clients

    @property
    def names(self) -> list[str]:
        return list(self._clients)

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

    def request(
        self, name: str, method: str, target: str, headers: list[tuple[str, str]], content: Any, wait_s: float
    ) -> httpx.Request:
        """Build a request afresh; `target` is a path and query that are encoded already."""
        base = self._clients[name].base_url
        return httpx.Request(
            method,
            base.copy_with(raw_path=target.encode("ascii")),
            headers=[("Accept-Encoding", "identity"), *headers],
            content=content,
            extensions={"timeout": httpx.Timeout(wait_s, connect=CONNECT_TIMEOUT_S, pool=POOL_TIMEOUT_S).as_dict()},
        )

    async def send(self, name: str, request: httpx.Request) -> httpx.Response:
        """Send and give the answer as soon as its headers are there.

        Raises `ServiceDown`, `ServiceBroke` or `ServiceSlow`.
        """
        with outages_of(name):
            return await self._clients[name].send(request, stream=True)

    async def read(
        self, name: str, path: tuple[str, ...], caller: Caller, params: Mapping[str, str] | None = None
    ) -> Any:
        """Read one JSON document for a page, in the caller's name.

        Raises `NotFound` and `Forbidden` when the service says so, an outage otherwise.
        """
        headers = {"Authorization": self.authorisation(name, caller), "Accept": "application/json"}
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            headers[REQUEST_ID_HEADER] = request_id
        address = f"/api/{name}/v1/" + "/".join(quote(segment, safe="") for segment in path)
        timeout = httpx.Timeout(PAGE_DEADLINE_S, connect=CONNECT_TIMEOUT_S, pool=POOL_TIMEOUT_S)
        with outages_of(name):
            response = await self._clients[name].get(address, params=params, headers=headers, timeout=timeout)
        if response.status_code == 200:
            return response.json()
        if response.status_code == 400:
            raise BadRequest("Deze pagina kan niet worden gevraagd met deze gegevens.")
        if response.status_code == 403:
            raise Forbidden("Dit mag u niet bekijken.")
        if response.status_code == 404:
            raise NotFound("Dit is er niet, of het is niet van u.")
        log.warning("page-read-failed", service=name, status=response.status_code)
        raise ServiceDown(name) if response.status_code == 503 else ServiceBroke(name)

    async def ready(self) -> dict[str, bool]:
        """Ask every service at once whether it can do its work."""

        async def ask(client: httpx.AsyncClient) -> bool:
            try:
                return (await client.get("/readyz", timeout=READY_DEADLINE_S)).status_code == 200
            except httpx.HTTPError:
                return False

        answers = await asyncio.gather(*(ask(client) for client in self._clients.values()))
        return dict(zip(self._clients, answers, strict=True))

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@contextmanager
def outages_of(name: str) -> Iterator[None]:
    """Say in our own words how a service failed to answer."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        OUTAGES.labels(name, "down").inc()
        raise ServiceDown(name) from error
    except httpx.TimeoutException as error:
        OUTAGES.labels(name, "slow").inc()
        raise ServiceSlow(name) from error
    except httpx.LocalProtocolError as error:
        # We could not write it down as HTTP: a header value with control characters, say.
        raise BadRequest("De aanvraag is geen goede HTTP-aanvraag.") from error
    except httpx.TransportError as error:
        OUTAGES.labels(name, "broke").inc()
        raise ServiceBroke(name) from error
