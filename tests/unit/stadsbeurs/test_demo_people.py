"""How the people of the sample knock at the gateway: with a token each, a key per act, and patience where it helps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import respx

from stadsbeurs import keys
from stadsbeurs.mistakes import Mistake
from stadsbeurs.people import WALLET, People, Refused

ADDRESS = "http://gateway.test"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    keys.ensure(tmp_path, ["gateway"])
    with People(ADDRESS, tmp_path) as made:
        yield made


@respx.mock
def test_a_write_carries_a_token_and_its_key(people: People) -> None:
    route = respx.post(f"{ADDRESS}{WALLET}/funds").respond(201, json={"code": "burgerbudget"})
    assert people.person("finance-maker").post(f"{WALLET}/funds", "sample-fund", {"code": "burgerbudget"}) == {
        "code": "burgerbudget"
    }
    request = route.calls.last.request
    assert request.headers["Authorization"].startswith("Bearer ")
    assert request.headers["Idempotency-Key"] == "sample-fund"


def test_one_person_is_one_sign_in_and_another_subject_another_person(people: People) -> None:
    assert people.person("caseworker") is people.person("caseworker")
    assert people.person("caseworker") is not people.person("caseworker", "second-caseworker")


@respx.mock
def test_a_gateway_that_is_away_for_a_moment_is_asked_again_with_the_same_key(people: People) -> None:
    busy = {"status": 409, "detail": "Loopt nog.", "errors": [{"code": "stillRunning"}]}
    answers = [httpx.ConnectError("away"), httpx.Response(409, json=busy), httpx.Response(201, json={"id": "1"})]
    route = respx.post(f"{ADDRESS}{WALLET}/holders").mock(side_effect=answers)
    assert people.person("caseworker").post(f"{WALLET}/holders", "sample-holder-1", {}) == {"id": "1"}
    assert [call.request.headers["Idempotency-Key"] for call in route.calls] == ["sample-holder-1"] * 3


@respx.mock
def test_a_refusal_is_one_sentence_with_its_code_and_is_not_tried_again(people: People) -> None:
    problem = {"status": 409, "detail": "Fonds burgerbudget bestaat al.", "errors": [{"code": "fundExists"}]}
    route = respx.post(f"{ADDRESS}{WALLET}/funds").respond(409, json=problem)
    with pytest.raises(
        Refused, match="/funds was answered with 409 fundExists: Fonds burgerbudget bestaat al"
    ) as caught:
        people.person("finance-maker").post(f"{WALLET}/funds", "sample-fund", {})
    assert isinstance(caught.value, Mistake)
    assert (caught.value.status, caught.value.code, route.call_count) == (409, "fundExists", 1)


@respx.mock
def test_a_list_is_read_to_its_end(people: People) -> None:
    pages = [
        httpx.Response(200, json={"items": [1, 2], "nextCursor": "abc"}),
        httpx.Response(200, json={"items": [3], "nextCursor": None}),
    ]
    route = respx.get(f"{ADDRESS}{WALLET}/accounts").mock(side_effect=pages)
    assert list(people.person("auditor").items(f"{WALLET}/accounts", prefix="holder:")) == [1, 2, 3]
    assert route.calls.last.request.url.params["cursor"] == "abc"
    assert route.calls.last.request.url.params["prefix"] == "holder:"
