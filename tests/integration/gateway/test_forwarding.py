"""What passes through the gateway, and what never does."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from foundation.access import Role
from gateway import forwarding

MIB = 1024 * 1024
ECHO = "/api/wallet/v1/echo"
PROBLEM = "application/problem+json"


def seen(response: httpx.Response) -> dict[str, str]:
    return dict(response.json()["headers"])


def raw(port: int, request: bytes, wait_s: float = 5.0) -> bytes:
    """Send bytes as they are and give everything that comes back until the other side hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait_s) as connection:
        connection.sendall(request)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def test_a_call_reaches_its_service_with_the_same_path_query_and_body(outside: httpx.Client) -> None:
    response = outside.post(
        f"{ECHO}/holder:7:vrij?purse=vrij&to=2026-10-01", content=b'{"a": 1}', headers={"Idempotency-Key": "k-1"}
    )
    assert response.status_code == 200
    got = response.json()
    assert (got["method"], got["rawPath"]) == ("POST", f"{ECHO}/holder:7:vrij")
    assert (got["query"], got["body"]) == ("purse=vrij&to=2026-10-01", '{"a": 1}')
    assert seen(response)["idempotency-key"] == "k-1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_each_method_of_the_contract_passes(outside: httpx.Client, method: str) -> None:
    assert outside.request(method, ECHO).json()["method"] == method


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PROPFIND", "SEARCH"])
def test_other_methods_are_refused_without_asking_the_service(outside: httpx.Client, echo: Any, method: str) -> None:
    before = echo.app.state.requests
    response = outside.request(method, ECHO)
    assert (response.status_code, response.headers["content-type"]) == (405, PROBLEM)
    assert response.json()["errors"][0]["code"] == "methodNotAllowed"
    assert echo.app.state.requests == before


def test_the_service_gets_a_token_of_a_minute_with_what_the_caller_may_see(
    outside: httpx.Client, house: Any, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    headers = house.bearer(Role.PASS_HOLDER, subject="fatima", holder_id="h-1")
    claims = service_claims(seen(outside.get(ECHO, headers=headers))["authorization"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == ("gateway", "wallet", "fatima")
    assert (claims["roles"], claims["holder_id"]) == (["pass-holder"], "h-1")
    assert "organisation_id" not in claims
    assert claims["exp"] - claims["iat"] == 60


SPOOFED = [
    "X-Internal-Auth",
    "X-User-Id",
    "X-User",
    "X-Role",
    "X-Roles",
    "X-Tenant",
    "X-Holder-Id",
    "X-Organisation-Id",
    "X-Service",
    "X-Actor",
    "X-On-Behalf-Of",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-User",
    "X-Forwarded-Prefix",
    "Forwarded",
    "X-Real-IP",
    "X-Client-IP",
    "X-Original-URL",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "Via",
    "Cookie",
    "Proxy-Authorization",
    "User-Agent",
    "Stripe-Signature",
]
FORMS: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "plain": lambda name: [(name, "admin")],
    "mixed case": lambda name: [(name.swapcase(), "admin")],
    "underscores": lambda name: [(name.replace("-", "_"), "admin")],
    "twice": lambda name: [(name, "admin"), (name, "auditor")],
    "named in Connection": lambda name: [(name, "admin"), ("Connection", f"keep-alive, {name}")],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SPOOFED)
def test_no_header_from_outside_says_who_somebody_is(outside: httpx.Client, name: str, form: str) -> None:
    response = outside.get(ECHO, headers=FORMS[form](name))
    assert response.status_code == 200
    assert set(seen(response)) == {"accept", "accept-encoding", "authorization", "host", "x-request-id"}
    assert "admin" not in json.dumps(seen(response))


def test_connection_cannot_take_our_own_headers_away(
    outside: httpx.Client, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    response = outside.get(ECHO, headers={"Connection": "authorization, x-request-id, host"})
    assert service_claims(seen(response)["authorization"])["sub"] == "tester"
    assert "x-request-id" in seen(response)


def test_what_connection_names_goes_no_further(outside: httpx.Client) -> None:
    response = outside.post(ECHO, headers={"Connection": "idempotency-key", "Idempotency-Key": "k-1"})
    assert "idempotency-key" not in seen(response)


def test_an_idempotency_key_that_is_there_twice_is_refused(outside: httpx.Client) -> None:
    response = outside.post(ECHO, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, "repeatedHeader")


def test_a_request_id_from_outside_is_passed_on_when_it_is_fit_to_log(outside: httpx.Client) -> None:
    response = outside.get(ECHO, headers={"X-Request-ID": "0190abcd-0000-7000-8000-000000000001"})
    assert seen(response)["x-request-id"] == response.headers["x-request-id"] == "0190abcd-0000-7000-8000-000000000001"


@pytest.mark.parametrize("given", ["short", "a" * 65, "with space here", 'x"},{"level', "abcdefgh;drop"])
def test_a_request_id_that_is_not_fit_is_replaced(outside: httpx.Client, given: str) -> None:
    response = outside.get(ECHO, headers={"X-Request-ID": given})
    assert uuid.UUID(response.headers["x-request-id"]).version == 7
    assert seen(response)["x-request-id"] == response.headers["x-request-id"]


TRICKS = [
    "/api/wallet/v1/echo/",
    "/api/wallet/v1//echo",
    "//api/wallet/v1/echo",
    "/api/wallet/v1/../../../metrics",
    "/api/wallet/v1/echo/..",
    "/api/wallet/v1/echo/%2e%2e/%2e%2e/metrics",
    "/api/wallet/v1/echo/.",
    "/api/wallet/v1/echo/%2E",
    "/api/wallet/v1/echo%2Fx",
    "/api/wallet/v1/echo%2fx",
    "/api/wallet/v1/echo%5cx",
    "/api/wallet/v1/echo\\x",
    "/api/wallet/v1/echo;role=admin",
    "/api/wallet/v1/echo%3Brole",
    "/api/wallet/v1/echo%00",
    "/api/wallet/v1/echo%0d%0aX-Role:%20admin",
    "/api/wallet/v1/echo%252e%252e",
    "/api/wallet/v1/echo%2525",
    "/api/wallet/v1/echo%zz",
    "/api/wallet/v1/echo%",
    "/api/wallet/v1/echo%ff",
    "/api/wallet/v1/echo%c0%ae",
    "/api/wallet%2Fv1/echo",
    "/api/wallet/v1",
    "/api/wallet/v1/",
    "/api/wallet/v2/echo",
    "/api/wallet/echo",
    "/api/WALLET/v1/echo",
    "/api/unknown/v1/echo",
    "/api/127.0.0.1/v1/echo",
    "/api/wallet@evil/v1/echo",
    "/api/wallet:80/v1/echo",
    "/api/wallet/metrics",
    "/api/wallet/v1/../metrics",
    "/api/",
    "/api",
    "/api/v1/wallet/metrics",
    "/api/wallet/v1/" + "a" * 2100,
]


@pytest.mark.parametrize("path", TRICKS)
def test_a_path_with_tricks_is_not_there(gateway: Any, house: Any, echo: Any, path: str) -> None:
    before = echo.app.state.requests
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {house.token()}\r\n\r\n"
    answer = raw(gateway.port, request.encode("latin-1"))
    status = int(answer.split(b" ", 2)[1])
    # What is no URL at all, the HTTP parser refuses before we see it.
    assert status in (400, 404), answer
    if path.startswith("/api") and status == 404:
        assert PROBLEM.encode() in answer
    assert b"internal" not in answer
    assert echo.app.state.requests == before


@pytest.mark.parametrize(
    "path", ["/metrics", "/api/wallet/v1/metrics", "/api/metrics", "/wallet/metrics", "/api/wallet/v1/readyz"]
)
def test_no_metrics_or_health_of_a_service_is_reachable(outside: httpx.Client, path: str) -> None:
    response = outside.get(path)
    assert response.status_code == 404
    assert "internal" not in response.text
    assert "python_gc" not in response.text


def test_a_path_is_decoded_once_and_encoded_anew(outside: httpx.Client) -> None:
    assert outside.get(f"{ECHO}/%61%20b/caf%c3%a9").json()["rawPath"] == f"{ECHO}/a%20b/caf%C3%A9"


def test_the_description_of_an_api_is_public_and_goes_without_a_token(gateway: Any, house: Any) -> None:
    response = httpx.get(f"{gateway.url}/api/wallet/v1/openapi.json")
    assert (response.status_code, response.json()["authorization"]) == (200, None)
    with_token = httpx.get(f"{gateway.url}/api/wallet/v1/openapi.json", headers=house.bearer())
    assert with_token.json()["authorization"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_reading_the_description_is_public(gateway: Any, method: str) -> None:
    assert httpx.request(method, f"{gateway.url}/api/wallet/v1/openapi.json").status_code == 401


def test_without_a_token_there_is_no_call(gateway: Any, echo: Any) -> None:
    before = echo.app.state.requests
    response = httpx.get(gateway.url + ECHO)
    assert (response.status_code, response.headers["content-type"]) == (401, PROBLEM)
    assert response.headers["www-authenticate"] == "Bearer"
    assert echo.app.state.requests == before


def test_the_session_cookie_of_a_page_is_no_key_to_the_api(gateway: Any) -> None:
    with httpx.Client(base_url=gateway.url) as browser:
        form = {"rol": "auditor"}
        assert browser.post("/aanmelden", data=form, headers={"Origin": gateway.url}).status_code == 303
        assert browser.get(ECHO).status_code == 401


def test_only_listed_headers_of_an_answer_come_out(outside: httpx.Client) -> None:
    response = outside.get("/api/wallet/v1/headers")
    assert response.status_code == 201
    assert response.headers["location"] == "/api/wallet/v1/things/1"
    assert response.headers["link"] == '</api/wallet/v1/headers?cursor=a>; rel="next"'
    assert response.headers["idempotency-hit"] == "true"
    assert response.headers["api-version"] == "1.4.0"
    assert response.headers["x-content-sha256"] == "ab"
    for hidden in ("set-cookie", "server", "x-internal-node", "access-control-allow-origin"):
        assert hidden not in response.headers


def test_every_answer_has_headers_that_bind_a_browser(outside: httpx.Client) -> None:
    for path in (ECHO, "/api/nothing", "/", "/nothing", "/healthz"):
        headers = outside.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert headers["api-version"]
        assert headers["x-request-id"]
        assert headers["cache-control"] == "no-store"


def test_a_way_to_an_inner_address_is_not_shown(outside: httpx.Client) -> None:
    response = outside.get("/api/wallet/v1/elsewhere")
    assert response.status_code == 307
    assert "location" not in response.headers


def test_an_answer_without_content_stays_one(outside: httpx.Client) -> None:
    response = outside.get("/api/wallet/v1/no-words")
    assert (response.status_code, response.content) == (204, b"")


@pytest.mark.parametrize(("status", "told"), [(400, 400), (404, 404), (413, 413), (500, 502), (503, 502)])
def test_a_service_that_refuses_in_its_own_words_becomes_a_problem_document(
    outside: httpx.Client, status: int, told: int
) -> None:
    response = outside.get(f"/api/wallet/v1/status/{status}")
    assert (response.status_code, response.headers["content-type"]) == (told, PROBLEM)
    assert "secret" not in response.text
    assert response.json()["status"] == told


@pytest.mark.parametrize("status", [403, 409, 422, 429, 500, 503])
def test_a_problem_document_of_a_service_passes_as_it_is(outside: httpx.Client, status: int) -> None:
    response = outside.get(f"/api/wallet/v1/problem/{status}")
    assert (response.status_code, response.json()["detail"]) == (status, "Nee.")
    assert response.headers["retry-after"] == "7"


def test_a_service_that_is_down_is_503_with_a_moment_to_come_back(outside: httpx.Client) -> None:
    response = outside.get("/api/burgerbudget/v1/participants/1")
    assert (response.status_code, response.headers["content-type"]) == (503, PROBLEM)
    assert response.json()["errors"][0]["code"] == "serviceDown"
    assert response.headers["retry-after"] == "2"


def test_a_service_that_breaks_the_connection_is_502(make_gateway: Any, house: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        gateway = make_gateway(wallet_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        response = httpx.get(gateway.url + ECHO, headers=house.bearer())
    assert (response.status_code, response.json()["errors"][0]["code"]) == (502, "serviceBroke")
    assert response.headers["retry-after"] == "2"


def test_a_service_that_answers_too_late_is_504(outside: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "DEADLINE_S", 0.3)
    response = outside.get("/api/wallet/v1/slow")
    assert (response.status_code, response.json()["errors"][0]["code"]) == (504, "serviceSlow")
    assert response.headers["retry-after"] == "5"


def test_a_sender_that_stops_half_way_is_told_so(gateway: Any, house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "DEADLINE_S", 0.3)
    lines = [f"POST {ECHO} HTTP/1.1", "Host: x", "Connection: close", "Content-Length: 10"]
    head = "\r\n".join([*lines, f"Authorization: Bearer {house.token()}", "", ""])
    answer = raw(gateway.port, head.encode() + b"abc")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"clientSlow" in answer


def test_an_answer_that_breaks_off_does_not_look_finished(outside: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        outside.get("/api/wallet/v1/half")


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


def blocks(total: int) -> Iterator[bytes]:
    piece = bytes(range(256)) * 256
    for _ in range(total // len(piece)):
        yield piece


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
