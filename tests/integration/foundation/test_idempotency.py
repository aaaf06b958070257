"""Same key, same answer, one effect."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from foundation.access import Role
from foundation.database import Database
from foundation.idempotency import HIT_HEADER
from tests.support import tiny
from tests.support.callers import Callers, Client

Count = Callable[[str], int]


def test_the_same_request_again_gets_the_first_answer_and_does_nothing_more(admin: Client, count: Count) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = admin.post("/notes", json={"someText": "a", "slot": 1}, headers=key)
    # The order of the fields does not make it another request.
    again = admin.post(
        "/notes", content=b'{"slot": 1,   "someText": "a"}', headers={**key, "Content-Type": "application/json"}
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert HIT_HEADER not in first.headers
    assert again.headers[HIT_HEADER] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert count("note") == 1


def test_the_same_key_with_another_body_is_refused(admin: Client, count: Count) -> None:
    key = {"Idempotency-Key": "k-1"}
    admin.post("/notes", json={"someText": "a"}, headers=key)
    other = admin.post("/notes", json={"someText": "b"}, headers=key)
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotencyKeyReused")
    assert count("note") == 1


def test_a_refusal_by_a_rule_is_kept_and_repeated(admin: Client, count: Count, monkeypatch: pytest.MonkeyPatch) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = admin.post("/notes", json={"someText": "conflict"}, headers=key)
    monkeypatch.delitem(tiny.DEEDS, "conflict")
    again = admin.post("/notes", json={"someText": "conflict"}, headers=key)
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.json() == first.json()
    assert again.headers[HIT_HEADER] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"
    assert (count("note"), count("idempotency")) == (0, 1)
    assert admin.post("/notes", json={"someText": "conflict"}).status_code == 201


@pytest.mark.parametrize(
    ("deed", "status"), [("bad request", 400), ("forbidden", 403), ("not found", 404), ("broken", 500), ("cut", 503)]
)
def test_what_is_no_answer_of_a_rule_keeps_nothing(
    deed: str, status: int, admin: Client, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = {"Idempotency-Key": "k-1"}
    refused = admin.post("/notes", json={"someText": deed}, headers=key)
    assert refused.status_code == status
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (count("note"), count("idempotency")) == (0, 0)
    monkeypatch.delitem(tiny.DEEDS, deed)
    mended = admin.post("/notes", json={"someText": deed}, headers=key)
    assert mended.status_code == 201
    assert HIT_HEADER not in mended.headers


def test_a_fault_of_ours_says_nothing_of_what_went_wrong(admin: Client) -> None:
    answer = admin.post("/notes", json={"someText": "broken"})
    assert answer.json()["type"] == "urn:stadsbeurs:problem:500"
    assert "geheim" not in answer.text


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tbed", "\x7f"])
def test_a_missing_or_unfit_key_is_a_bad_request(key: str, admin: Client, count: Count) -> None:
    answer = admin.post("/notes", json={"someText": "a"}, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "idempotencyKeyMissing")
    assert count("note") == 0


def test_keys_belong_to_a_caller_and_an_operation(api: FastAPI, callers: Callers, admin: Client, count: Count) -> None:
    key = {"Idempotency-Key": "k-1"}
    other = callers.client(api, tiny.NAME, Role.ADMIN, "somebody-else")
    answers = [
        admin.post("/notes", json={"someText": "a"}, headers=key),
        other.post("/notes", json={"someText": "b"}, headers=key),
        admin.post("/other-notes", json={"someText": "c"}, headers=key),
        admin.post("/notes?purse=x", json={"someText": "d"}, headers=key),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 201]
    assert [answer.json()["someText"] for answer in answers] == ["a", "b", "c", "d"]
    assert count("note") == 4


def test_eight_at_once_with_one_key_have_one_effect(api: FastAPI, callers: Callers, count: Count) -> None:
    begin = threading.Barrier(8)

    def post(_: int) -> tuple[int, bytes, str | None]:
        client = callers.client(api, tiny.NAME, Role.ADMIN)
        begin.wait()
        answer = client.post("/notes", json={"someText": "a"}, headers={"Idempotency-Key": "k-1"})
        return answer.status_code, answer.content, answer.headers.get(HIT_HEADER)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert {status for status, _, _ in answers} == {201}
    assert len({content for _, content, _ in answers}) == 1
    assert Counter(hit for _, _, hit in answers) == {None: 1, "true": 7}
    assert count("note") == 1


def test_one_that_still_runs_makes_the_next_come_back_later(
    impatient: Database, callers: Callers, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, enough = threading.Event(), threading.Event()

    def linger(_: object) -> None:
        running.set()
        assert enough.wait(10)

    monkeypatch.setitem(tiny.DEEDS, "linger", linger)
    client = callers.client(tiny.api(impatient, callers.verifier(tiny.NAME)), tiny.NAME, Role.ADMIN)
    request = {"json": {"someText": "linger"}, "headers": {"Idempotency-Key": "k-1"}}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: client.post("/notes", **request))
        assert running.wait(10)
        second = client.post("/notes", **request)
        enough.set()
        assert first.result().status_code == 201
    assert (second.status_code, second.json()["errors"][0]["code"]) == (409, "stillRunning")
    assert second.headers["Retry-After"] == "1"
    third = client.post("/notes", **request)
    assert (third.status_code, third.headers[HIT_HEADER]) == (201, "true")
    assert third.content == first.result().content
    assert count("note") == 1


def test_a_key_whose_first_request_failed_is_free_for_the_one_that_waited(
    database: Database, callers: Callers, count: Count, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, enough = threading.Event(), threading.Event()
    times = []

    def fail_once(_: object) -> None:
        times.append(1)
        if len(times) == 1:
            running.set()
            assert enough.wait(10)
            raise tiny.CommandBroken

    monkeypatch.setitem(tiny.DEEDS, "once", fail_once)
    client = callers.client(tiny.api(database, callers.verifier(tiny.NAME)), tiny.NAME, Role.ADMIN)
    request = {"json": {"someText": "once"}, "headers": {"Idempotency-Key": "k-1"}}
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: client.post("/notes", **request))
        assert running.wait(10)
        second = pool.submit(lambda: client.post("/notes", **request))
        enough.set()
        assert (first.result().status_code, second.result().status_code) == (500, 201)
    assert HIT_HEADER not in second.result().headers
    assert count("note") == 1


def test_what_fails_only_at_the_commit_is_never_said_to_be_done(admin: Client, count: Count) -> None:
    assert admin.post("/notes", json={"someText": "a", "slot": 7}).status_code == 201
    key = {"Idempotency-Key": "k-2"}
    assert admin.post("/notes", json={"someText": "b", "slot": 7}, headers=key).status_code >= 500
    assert (count("note"), count("idempotency")) == (1, 1)


def test_a_note_with_a_nul_is_a_bad_request_or_kept_but_never_a_fault(admin: Client, database: Database) -> None:
    with database.transaction() as db:
        assert db.execute(text("SELECT 1")).scalar_one() == 1
    answer = admin.post("/notes%00", json={"someText": "a"})
    assert answer.status_code == 404
