"""What every API of the house does: problem documents on everything, versions, limits, health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import MAX_BODY_BYTES
from foundation.database import Database
from tests.support import tiny
from tests.support.callers import Callers, Client
from tests.support.databases import TestServer


@pytest.fixture(scope="module")
def database(server: TestServer) -> Iterator[Database]:
    """One for the whole file: nothing here is kept."""
    with server.fresh("burgerbudget") as made:
        tiny.make_tables(made.owner_url)
        yield made.database


def check_problem(answer: Any, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["API-Version"] == "1.0.0"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == status
    if code is not None:
        assert document["errors"][0]["code"] == code


@pytest.mark.parametrize(
    "path",
    [
        "http://test/",
        "/",
        "/nothing",
        "/notes/1/",
        "/notes/1/2",
        "http://test/api/other/v1/notes",
        "/notes/%00",
        "/%00",
    ],
)
def test_an_address_that_is_not_there_is_a_404_problem(path: str, admin: Client) -> None:
    check_problem(admin.get(path), 404, "notFound")


def test_a_trailing_slash_is_another_address(admin: Client) -> None:
    answer = admin.post("/notes/", json={"someText": "a"}, follow_redirects=False)
    check_problem(answer, 404, "notFound")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_a_405_problem(method: str, admin: Client) -> None:
    answer = admin.request(method, "/notes", json={"someText": "a"})
    check_problem(answer, 405, "methodNotAllowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"a"',
        b"7",
        b"{}",
        b'{"someText": 7}',
        b'{"someText": null}',
        b'{"someText": "a", "sometext": "a"}',
        b'{"someText": "a", "slot": "x"}',
        b'{"someText": "a", "slot": 1e999}',
        b'{"someText": "\xff"}',
        b'{"someText": "a"}{}',
        b'{"someText": "\\ud800"}',
        b"[" * 100_000,
        b'{"slot": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_malformed_is_a_400_problem_that_repeats_nothing_of_it(content: bytes, admin: Client) -> None:
    answer = admin.post("/notes", content=content, headers={"Content-Type": "application/json"})
    check_problem(answer, 400)


@pytest.mark.parametrize("path", ["/notes/one", "/notes/1.5", "/outbox?limit=many", "/outbox?kind=%00"])
def test_a_path_or_question_that_is_malformed_is_a_400_problem(path: str, admin: Client) -> None:
    check_problem(admin.get(path), 400)


@pytest.mark.parametrize("parameter", ["Purse=123456782", "purse=a&123456782", "purs%65s=", "purse=a&purse=b&pursee=c"])
def test_a_parameter_that_an_address_does_not_know_is_refused_and_not_repeated(parameter: str, admin: Client) -> None:
    answer = admin.post(f"/notes?{parameter}", json={"someText": "a"})
    check_problem(answer, 400, "malformed")
    assert answer.json()["errors"][0]["pointer"] == "query"
    assert "(wel: purse)" in answer.json()["detail"]
    assert "123456782" not in answer.text


def test_an_address_without_parameters_says_so(admin: Client) -> None:
    made = admin.post("/notes?purse=a", json={"someText": "a"}).json()
    assert admin.get(f"/notes/{made['noteId']}").status_code == 200
    refused = admin.get(f"/notes/{made['noteId']}?asOfBlock=1")
    check_problem(refused, 400, "malformed")
    assert "het kent er geen" in refused.json()["detail"]


def test_a_body_beyond_the_limit_is_a_413_problem(admin: Client) -> None:
    whole = b'{"someText": "' + b"x" * MAX_BODY_BYTES + b'"}'
    check_problem(admin.post("/notes", content=whole, headers={"Content-Type": "application/json"}), 413, "tooLarge")
    pieces = (whole[start : start + 100_000] for start in range(0, len(whole), 100_000))
    check_problem(admin.post("/notes", content=pieces, headers={"Content-Type": "application/json"}), 413, "tooLarge")


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer x.y.z"}]
)
def test_without_a_good_token_it_is_a_401_problem(headers: dict[str, str], api: FastAPI) -> None:
    client = Client(api, base_url="http://test/api/tiny/v1", headers=headers)
    for answer in (client.get("/notes/1"), client.post("/notes", json={"someText": "a"}), client.get("/outbox")):
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_the_role_it_is_a_403_problem(api: FastAPI, callers: Callers) -> None:
    for role in set(Role) - {Role.ADMIN}:
        check_problem(callers.client(api, tiny.NAME, role).get("/notes/1"), 403, "roleNotAllowed")
    check_problem(callers.service_client(api, tiny.NAME, "wallet").get("/notes/1"), 403, "roleNotAllowed")


def test_a_token_for_another_service_is_none(api: FastAPI, callers: Callers) -> None:
    token = callers.person("wallet", Role.ADMIN)
    client = Client(api, base_url="http://test/api/tiny/v1", headers={"Authorization": f"Bearer {token}"})
    check_problem(client.get("/notes/1"), 401)


def test_answers_carry_a_request_id_and_safe_headers(admin: Client) -> None:
    given = admin.get("/notes/1", headers={"X-Request-ID": "0190d3a2-abcd"})
    assert given.headers["X-Request-ID"] == "0190d3a2-abcd"
    made = admin.get("/notes/1", headers={"X-Request-ID": "<script>"})
    assert made.headers["X-Request-ID"] != "<script>"
    assert made.headers["Cache-Control"] == "no-store"
    assert made.headers["X-Content-Type-Options"] == "nosniff"


def test_health_readiness_and_metrics(admin: Client) -> None:
    assert admin.get("http://test/healthz").json() == {"status": "alive"}
    ready = admin.get("http://test/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "checks": {"database": True}})
    metrics = admin.get("http://test/metrics")
    assert 'stadsbeurs_request_seconds_count{method="GET",route="/healthz",status="200"}' in metrics.text


def test_the_description_of_the_api_is_public_and_whole(api: FastAPI) -> None:
    document = Client(api, base_url="http://test").get("/api/tiny/v1/openapi.json").json()
    assert document["info"]["version"] == "1.0.0"
    assert {"/api/tiny/v1/notes", "/api/tiny/v1/outbox"} <= set(document["paths"])
