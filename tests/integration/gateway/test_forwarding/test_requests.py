"""What of a request passes through the gateway, and what never does."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from foundation.access import Role
from tests.integration.gateway.test_forwarding.calling import ECHO, PROBLEM, raw, seen


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
