"""What a service gets on the wire, and what becomes of a connection when one of the three sides stops half way."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from foundation.access import GATEWAY, TokenSigner
from foundation.refusals import BadRequest
from gateway import connections, forwarding
from gateway.backends import Backends
from gateway.connections import Pieces, ask, open_session
from tests.integration.gateway.test_forwarding.calling import ECHO, MIB, blocks

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Handler = Callable[[socket.socket], None]


class Bare:
    """A service that is nothing but a socket: `handle` gets each connection, in a thread of its own."""

    def __init__(self, handle: Handler) -> None:
        self.accepted = 0
        self._handle = handle
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(20)
            threading.Thread(target=self._work, args=(connection,), daemon=True).start()

    def _work(self, connection: socket.socket) -> None:
        with connection:
            self._handle(connection)

    def stop(self) -> None:
        self._listener.close()


@pytest.fixture
def bare() -> Iterator[Callable[[Handler], Bare]]:
    started: list[Bare] = []

    def start(handle: Handler) -> Bare:
        started.append(Bare(handle))
        return started[-1]

    yield start
    for service in started:
        service.stop()


def whole_request(connection: socket.socket) -> list[bytes]:
    """Read one request, and give it in the pieces in which it came."""
    pieces = [connection.recv(1 << 20)]
    while pieces[-1]:
        head, found, body = b"".join(pieces).partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if found and len(body) >= int(length[1] if length else 0):
            break
        pieces.append(connection.recv(1 << 20))
    return pieces


def test_a_service_sees_the_headers_that_are_meant_for_it_and_no_others(outside: httpx.Client) -> None:
    headers = {"Idempotency-Key": "k-1", "Content-Type": "application/json"}
    got = outside.post(ECHO, content=b"{}", headers=headers).json()["headers"]
    assert sorted(name for name, _ in got) == [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "x-request-id",
    ]
    assert dict(got)["accept-encoding"] == "identity"
    # A type that the caller did not name is not made up for it.
    plain = outside.post(ECHO, content=b"{}").json()["headers"]
    assert "content-type" not in dict(plain)


def test_a_small_request_goes_out_in_one_piece(make_gateway: Any, house: Any, bare: Any) -> None:
    seen: list[list[bytes]] = []

    def answer(connection: socket.socket) -> None:
        seen.append(whole_request(connection))
        connection.sendall(ANSWER)

    gateway = make_gateway(wallet_url=bare(answer).url)
    with httpx.Client(base_url=gateway.url, headers=house.bearer()) as client:
        assert client.post(ECHO, content=b"x" * 200).status_code == 200
    assert len(seen) == 1
    assert len(seen[0]) == 1
    assert seen[0][0].endswith(b"\r\n\r\n" + b"x" * 200)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"])
def test_nothing_is_sent_twice_to_a_service_that_breaks_off(
    make_gateway: Any, house: Any, bare: Any, method: str
) -> None:
    service = bare(lambda connection: whole_request(connection))
    gateway = make_gateway(wallet_url=service.url)
    response = httpx.request(method, gateway.url + ECHO, headers=house.bearer())
    assert response.status_code == 502
    assert service.accepted == 1


def test_a_line_that_was_hung_up_while_idle_is_not_used_again(bare: Any) -> None:
    hang_up, hung_up = threading.Event(), threading.Event()

    def answer(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(ANSWER)
        hang_up.wait(10)
        connection.close()
        hung_up.set()

    service = bare(answer)

    async def ask_twice() -> list[int]:
        session = open_session()
        found = []
        try:
            for last in (False, True):
                headers = [("Content-Length", "1")]
                given = await ask(session, "POST", f"{service.url}/x", headers, b"x", 5)
                found.append(given.status)
                await given.read()
                if not last:
                    hang_up.set()
                    # Our loop stands still: only the kernel knows that the service has hung up.
                    assert hung_up.wait(10)
                    time.sleep(0.05)
        finally:
            await session.close()
        return found

    assert asyncio.run(ask_twice()) == [200, 200]
    assert service.accepted == 2


def test_a_sender_that_goes_half_way_breaks_the_request_to_the_service_too(
    make_gateway: Any, house: Any, bare: Any
) -> None:
    got = bytearray()
    over = threading.Event()

    def swallow(connection: socket.socket) -> None:
        while piece := connection.recv(65536):
            got.extend(piece)
        over.set()

    gateway = make_gateway(wallet_url=bare(swallow).url)
    lines = [f"POST {ECHO} HTTP/1.1", "Host: x", f"Content-Length: {MIB}", f"Authorization: Bearer {house.token()}"]
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * (MIB // 2))
        until = time.monotonic() + 10
        while len(got) < MIB // 4 and time.monotonic() < until:
            time.sleep(0.01)
    assert over.wait(10)
    assert MIB // 4 < len(got) < MIB


def test_a_sender_of_much_that_stops_half_way_is_told_so(
    gateway: Any, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "DEADLINE_S", 0.5)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.putrequest("POST", ECHO)
    for name, value in {**house.bearer(), "Content-Length": "300000"}.items():
        connection.putheader(name, value)
    connection.endheaders(b"x" * 150_000)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["errors"][0]["code"]) == (408, "clientSlow")
    connection.close()


def test_a_service_that_takes_no_more_of_an_upload_is_late(
    make_gateway: Any, house: Any, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "LONG_DEADLINE_S", 0.5)
    service = bare(lambda connection: time.sleep(5))
    gateway = make_gateway(wallet_url=service.url)
    headers = house.bearer() | {"Content-Length": str(40 * MIB)}
    response = httpx.post(gateway.url + ECHO, content=blocks(40 * MIB), headers=headers, timeout=20)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (504, "serviceSlow")


def test_a_service_that_refuses_and_hangs_up_in_the_middle_is_heard(make_gateway: Any, house: Any, bare: Any) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        text = b'{"detail": "Nee."}'
        head = b"HTTP/1.1 413 X\r\nContent-Type: application/problem+json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(text) + text)
        connection.shutdown(socket.SHUT_WR)
        # What is on its way is taken in, so that the kernel does not cut off the answer.
        while connection.recv(65536):
            pass

    gateway = make_gateway(wallet_url=bare(refuse).url)
    for _ in range(5):
        response = httpx.post(gateway.url + ECHO, content=blocks(5 * MIB), headers=house.bearer(), timeout=20)
        assert (response.status_code, response.json()["detail"]) == (413, "Nee.")


def test_an_upload_goes_on_when_the_service_begins_to_answer_before_its_end(
    make_gateway: Any, house: Any, serve: Any
) -> None:
    async def service(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": message["type"] + ".complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        first = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
        size, more = len(first["body"]), True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message.get("more_body", False)
        await send({"type": "http.response.body", "body": b"%d" % size, "more_body": False})

    gateway = make_gateway(wallet_url=serve(service).url)
    response = httpx.post(gateway.url + ECHO, content=blocks(20 * MIB), headers=house.bearer(), timeout=30)
    assert (response.status_code, response.text) == (200, f"begun {20 * MIB}")


def test_readers_that_go_half_way_leave_no_connection_behind(
    make_gateway: Any, house: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 2)
    gateway = make_gateway(wallet_url=echo.url)
    with httpx.Client(base_url=gateway.url, headers=house.bearer(), timeout=10) as client:
        for _ in range(5):
            with client.stream("GET", "/api/wallet/v1/export") as response:
                next(response.iter_raw())
            with client.stream("GET", "/api/wallet/v1/status/500") as response:
                assert response.status_code == 502
        assert client.get(ECHO).status_code == 200


def test_a_header_of_an_answer_as_long_as_a_query_passes(make_gateway: Any, house: Any, bare: Any) -> None:
    link = b"</api/wallet/v1/x?" + b"c" * 9000 + b'>; rel="next"'

    def answer(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(ANSWER.replace(b"Content-Type", b"Link: " + link + b"\r\nContent-Type"))

    gateway = make_gateway(wallet_url=bare(answer).url)
    assert httpx.get(gateway.url + ECHO, headers=house.bearer()).headers["link"].encode() == link


def test_the_fault_of_the_sender_is_not_the_fault_of_the_service(bare: Any) -> None:
    class SenderWentAwayError(Exception):
        pass

    async def half() -> Any:
        yield b"x" * 1000
        raise SenderWentAwayError

    async def ask_once() -> None:
        session = open_session()
        try:
            await ask(session, "POST", f"{service.url}/x", [("Content-Length", "2000")], Pieces(half()), 5)
        finally:
            await session.close()

    service = bare(lambda connection: whole_request(connection))
    with pytest.raises(SenderWentAwayError):
        asyncio.run(ask_once())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
    ids=["too short", "no last chunk"],
)
def test_an_answer_without_its_end_does_not_look_finished(
    make_gateway: Any, house: Any, bare: Any, answer: bytes
) -> None:
    def half(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(answer)

    gateway = make_gateway(wallet_url=bare(half).url)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(gateway.url + ECHO, headers=house.bearer())


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"]
)
def test_what_is_no_http_is_no_answer(make_gateway: Any, house: Any, bare: Any, answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        whole_request(connection)
        connection.sendall(answer)

    gateway = make_gateway(wallet_url=bare(talk).url)
    response = httpx.post(gateway.url + ECHO, headers=house.bearer())
    assert (response.status_code, response.json()["errors"][0]["code"]) == (502, "serviceBroke")


@pytest.mark.parametrize("target", ["/api/x y", "/api/x\r\nX-Role: admin", "/api/x#y", "http://other/", ""])
def test_a_target_that_is_no_http_is_never_written(house: Any, target: str) -> None:
    with pytest.raises(BadRequest):
        asyncio.run(sent(house, target, []))


@pytest.mark.parametrize("value", ["a\r\nX-Role: admin", "a\nb", "a\x00b", " a", "a\t", "é", "\x7f"])
def test_a_header_that_is_no_http_is_never_written(house: Any, value: str) -> None:
    with pytest.raises(BadRequest):
        asyncio.run(sent(house, "/api/x", [("Accept", value)]))


async def sent(house: Any, target: str, headers: list[tuple[str, str]]) -> None:
    """Send where nobody listens: what can be written is refused by nobody but the kernel."""
    backends = Backends({"wallet": "http://127.0.0.1:1"}, TokenSigner(GATEWAY, house.gateway_key))
    await backends.open()
    try:
        await backends.send("wallet", "GET", target, headers, None, 1)
    finally:
        await backends.close()
