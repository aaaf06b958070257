"""What of a service's answer comes out, and what becomes of a service that fails."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpx
import pytest

from gateway import forwarding
from tests.integration.gateway.test_forwarding.calling import ECHO, PROBLEM, raw


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
