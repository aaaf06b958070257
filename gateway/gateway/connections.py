"""Connections to one service over HTTP/1.1, and our own words for how they fail."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from gateway.metrics import OUTAGES
from gateway.refusals import ServiceBroke, ServiceDown, ServiceSlow

MOST_CONNECTIONS = 200
CONNECT_TIMEOUT_S = 5.0
POOL_TIMEOUT_S = 10.0

KEEPALIVE_EXPIRY_S = 2.0
"""Below the 5 s after which a service hangs up an idle connection: a request never meets a closing one."""

MOST_HEADER_BYTES = 64 * 1024
"""A `Link` repeats a whole query, and aiohttp's own limit is below what we let in of one."""


class BrokeOff(aiohttp.ClientError):
    """The connection broke while the service had our request, or a part of it."""


class Lines(aiohttp.TCPConnector):
    """The connections to one service; one that it hung up while it was idle is not used again."""

    def __init__(self) -> None:
        super().__init__(limit=MOST_CONNECTIONS, keepalive_timeout=KEEPALIVE_EXPIRY_S)
        self._used: WeakSet[Any] = WeakSet()

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        while True:
            line = await super().connect(req, traces, timeout)
            if line.protocol not in self._used:
                self._used.add(line.protocol)
                return line
            # A service that stops hangs up; the kernel knows that before our loop does, and what was sent to it after that
            # would count as broken off.
            if not _hung_up(line):
                return line
            line.close()


def _hung_up(line: Connection) -> bool:
    """Tell whether there is anything to read on an idle connection: nothing was asked, so it can only be its end."""
    if line.transport is None:
        return True
    waiting = select.poll()
    waiting.register(line.transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(waiting.poll(0))


class Pieces:
    """A body that goes out as it comes in, and the fault by which it ended when it did not come to its end."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self.fault: Exception | None = None
        self._source = source

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._source:
                yield piece
        except Exception as fault:
            self.fault = fault
            raise


def open_session() -> aiohttp.ClientSession:
    """Give the connections to one service. Called in the running loop.

    What is sent has the headers that it is given, `Host` and the length of the body, and no others.
    """
    return aiohttp.ClientSession(
        connector=Lines(),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        auto_decompress=False,
        raise_for_status=False,
        # No proxy of the environment stands between us and our own services.
        trust_env=False,
        max_line_size=MOST_HEADER_BYTES,
        max_field_size=MOST_HEADER_BYTES,
        middlewares=(_once,),
    )


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    address: str,
    headers: list[tuple[str, str]],
    content: bytes | Pieces | None,
    wait_s: float,
) -> aiohttp.ClientResponse:
    """Send one request, once, and give the answer when its headers are there and the body has gone.

    `address` is encoded already and stays as it is. A fault of the body's own source is raised as it is. Of a body that
    the service answers half way, the rest is not sent.
    """
    pieces = content if isinstance(content, Pieces) else None
    gone = aiohttp.UploadTracker() if pieces is not None else None
    answer: aiohttp.ClientResponse | None = None
    try:
        answer = await session.request(
            method,
            URL(address, encoded=True),
            headers=headers,
            data=content,
            timeout=_patience(wait_s),
            allow_redirects=False,
            upload_tracker=gone,
        )
        if gone is not None:
            await asyncio.wait([gone.upload_complete])
        if pieces is not None and pieces.fault is not None:
            raise pieces.fault
    except aiohttp.ClientError:
        if pieces is not None and pieces.fault is not None:
            raise pieces.fault from None
        raise
    except BaseException:
        if answer is not None:
            answer.close()
        raise
    return answer


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Nothing is sent twice: aiohttp by itself repeats a PUT, a DELETE or a GET when the connection breaks."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise BrokeOff from error


@cache
def _patience(wait_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=POOL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S, sock_read=wait_s)


@contextmanager
def outages_of(name: str) -> Iterator[None]:
    """Say in our own words how a service failed to answer."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        OUTAGES.labels(name, "down").inc()
        raise ServiceDown(name) from error
    except aiohttp.ServerTimeoutError as error:
        OUTAGES.labels(name, "slow").inc()
        raise ServiceSlow(name) from error
    except aiohttp.ClientError as error:
        OUTAGES.labels(name, "broke").inc()
        raise ServiceBroke(name) from error
