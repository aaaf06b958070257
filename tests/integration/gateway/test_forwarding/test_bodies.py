"""Bodies on their way through: large, endless, broken off, and such whose end is in doubt."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundation.access import Role
from gateway import forwarding
from tests.integration.gateway.test_forwarding.calling import ECHO, MIB, blocks, raw, seen


def test_a_compressed_body_is_refused(outside: httpx.Client) -> None:
    response = outside.post(ECHO, content=b"x", headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415


def test_a_query_that_is_too_long_is_refused(outside: httpx.Client) -> None:
    assert outside.get(f"{ECHO}?q={'a' * 9000}").status_code == 400


def test_many_calls_at_once_do_not_mix(
    gateway: Any, house: Any, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    found: dict[int, str] = {}

    def call(number: int) -> None:
        headers = house.bearer(Role.AUDITOR, subject=f"person-{number}")
        answer = httpx.post(gateway.url + ECHO, content=str(number), headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        assert answer.json()["body"] == str(number)
        found[number] = service_claims(seen(answer)["authorization"])["sub"]

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"person-{number}" for number in range(20)}


@pytest.mark.parametrize("length_known", [True, False])
def test_an_upload_of_100_mib_passes_unchanged(outside: httpx.Client, length_known: bool) -> None:
    digest = hashlib.sha256()
    for piece in blocks(100 * MIB):
        digest.update(piece)
    headers = {"Content-Length": str(100 * MIB)} if length_known else {}
    response = outside.post("/api/wallet/v1/uploads", content=blocks(100 * MIB), headers=headers)
    assert response.status_code == 202
    assert response.json() == {"size": 100 * MIB, "sha256": digest.hexdigest()}
    assert response.headers["location"] == "/api/wallet/v1/uploads/1"


def test_a_service_that_refuses_an_upload_in_the_middle_is_heard(outside: httpx.Client) -> None:
    response = outside.post("/api/wallet/v1/uploads", content=blocks(100 * MIB + 512 * 1024))
    assert response.status_code == 413
    assert response.json()["detail"] == "Het bestand is groter dan 100 MiB."


def test_a_service_that_refuses_at_the_first_piece_is_heard(outside: httpx.Client) -> None:
    response = outside.post("/api/wallet/v1/refused-at-once", content=blocks(20 * MIB))
    assert (response.status_code, response.json()["detail"]) == (413, "Dit is te groot.")


def test_an_upload_that_says_it_is_too_large_never_reaches_a_service(outside: httpx.Client, echo: Any) -> None:
    echo.app.state.received = 0
    connection = http.client.HTTPConnection("127.0.0.1", outside.base_url.port or 0, timeout=10)
    headers = {"Authorization": outside.headers["authorization"], "Content-Length": str(102 * MIB)}
    connection.request("POST", "/api/wallet/v1/uploads", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["errors"][0]["code"] == "tooLarge"
    connection.close()
    assert echo.app.state.received == 0


def test_an_endless_upload_ends_at_the_cap_of_the_gateway(
    outside: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "MAX_BODY_BYTES", 3 * MIB)
    response = outside.post("/api/wallet/v1/uploads", content=blocks(20 * MIB))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (413, "tooLarge")


SMUGGLED = "GET /api/wallet/v1/echo/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
    ],
)
def test_a_request_whose_end_is_in_doubt_is_refused(gateway: Any, house: Any, echo: Any, framing: str) -> None:
    before = echo.app.state.requests
    head = f"POST {ECHO} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token()}\r\n{framing}\r\n"
    answer = raw(gateway.port, (head + "0\r\n\r\n" + SMUGGLED).encode(), wait_s=1.0)
    assert answer.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert answer.count(b"HTTP/1.1 ") == 1
    assert echo.app.state.requests == before


MEMORY_PROBE = """
import json, os, resource, sys
from pathlib import Path
import uvicorn
from gateway.app import create_gateway
from gateway.settings import GatewaySettings

settings = GatewaySettings(**json.loads(sys.argv[1]))
uvicorn.run(create_gateway(settings), host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False)
"""


def peak_mib(pid: int) -> float:
    """The most memory that a process has had, from the kernel's own books."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_gateway_keeps_nothing_of_an_upload_or_a_download(house: Any, echo: Any) -> None:
    from stadsbeurs import ports

    port = ports.pick()
    settings = house.settings(wallet_url=echo.url)
    plain = {name: str(value) for name, value in settings.model_dump(exclude_none=True).items()}
    plain["redis_url"] = house.redis_url
    process = subprocess.Popen([sys.executable, "-c", MEMORY_PROBE, json.dumps(plain), str(port)], env=dict(os.environ))
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 20
        while True:
            try:
                httpx.get(url + "/healthz")
                break
            except httpx.ConnectError:
                assert time.monotonic() < until
                time.sleep(0.1)
        with httpx.Client(base_url=url, headers=house.bearer(), timeout=60) as client:
            client.post("/api/wallet/v1/uploads", content=blocks(MIB))
            client.get("/api/wallet/v1/export")
            before = peak_mib(process.pid)
            assert client.post("/api/wallet/v1/uploads", content=blocks(100 * MIB)).status_code == 202
            assert client.post("/api/wallet/v1/uploads", content=blocks(100 * MIB)).status_code == 202
            assert len(client.get("/api/wallet/v1/export").content) == 50 * MIB
            after = peak_mib(process.pid)
    finally:
        process.terminate()
        process.wait(10)
    assert after - before < 16, f"{before:.0f} MiB before, {after:.0f} MiB after"
