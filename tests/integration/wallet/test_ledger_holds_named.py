"""Holds under ids that the asker chose: many at once, each by itself, and asked again what is there."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import FUND, Books
from tests.integration.wallet.test_ledger_holds_minimum import a_purse
from tests.integration.wallet.test_ledger_holds_routes import captured, code_of
from tests.support.callers import Callers, Client
from wallet.ledger.holds import routes
from wallet.ledger.holds.schemas import MAX_HOLDS
from wallet_contract import messages


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    verifier = callers.verifier("wallet")
    return create_api("wallet", database=books.database, verifier=verifier, routers=[routes.router])


@pytest.fixture
def belkosten(api: FastAPI, callers: Callers) -> Client:
    return callers.service_client(api, "wallet", "belkosten")


def hold(account: str, amount: int, minimum: int = 1, hold_id: UUID | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": str(hold_id or uuid4()),
        "account": account,
        "amount": amount,
        "minimum": minimum,
        "purpose": "call/1",
        **more,
    }


def have(client: Client, *holds: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.put("/holds", json={"holds": list(holds)})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    assert [item["id"] for item in items] == [each["id"] for each in holds]
    return items


def became(items: list[dict[str, Any]]) -> list[object]:
    return [item["hold"]["amount"] if "hold" in item else item["refusal"]["code"] for item in items]


def test_each_is_had_or_refused_by_itself(books: Books, belkosten: Client) -> None:
    purse, other = a_purse(books, 100), a_purse(books, 30)
    items = have(
        belkosten,
        hold(purse, 60, 60),
        hold(purse, 60, 41),
        hold("holder:nobody:belkosten", 1),
        hold(other, 50, expiresAt="2099-01-01T01:00:00+01:00"),
        hold(other, 50, expiresAt="2001-01-01T01:00:00+01:00"),
        hold(purse, 60, 40),
    )
    assert became(items) == [60, "tooLittle", "unknownAccount", 30, "expiryPast", 40]
    assert items[1]["refusal"]["message"]
    assert items[3]["hold"]["expiresAt"] == "2099-01-01T00:00:00Z"
    assert (books.figures(purse), books.figures(other)) == ((100, 100), (30, 30))
    assert books.faults() == []


def test_asked_again_what_was_opened_is_given_as_it_is_now_and_what_was_refused_is_judged_anew(
    books: Books, belkosten: Client
) -> None:
    purse = a_purse(books, 100)
    taken, released, refused = hold(purse, 60), hold(purse, 30), hold(purse, 50, 50)
    first = have(belkosten, taken, released, refused)
    assert became(first) == [60, 30, "tooLittle"]
    assert belkosten.get(f"/holds/{taken['id']}").json() | {"x": 1} == first[0]["hold"] | {
        "x": 1,
        "expiresAt": None,
        "closedAt": None,
    }
    captured(belkosten, taken["id"], "clearing:belkosten", 25)
    assert belkosten.post(f"/holds/{released['id']}/releases").status_code == 201
    # Whatever it is asked to be now: a retry a minute later asks for another end.
    later = [{**each, "amount": each["amount"] + 5, "expiresAt": "2099-01-01T00:00:00Z"} for each in (taken, released)]
    again = have(belkosten, *later, refused)
    assert [(item["hold"]["state"], item["hold"]["amount"], item["hold"]["remaining"]) for item in again[:2]] == [
        ("open", 60, 35),
        ("released", 30, 0),
    ]
    assert [item["hold"].get("expiresAt") for item in again[:2]] == [None, None]
    # 100 - 25 spent - 35 still held: of the 50 that were refused 40 are there, which is less than their minimum.
    assert became(again[2:]) == ["tooLittle"]
    assert became(have(belkosten, {**refused, "minimum": 40})) == [40]
    assert books.figures(purse) == (75, 75)
    assert books.faults() == []


def test_an_id_of_another_account_purpose_or_asker_is_refused_and_nothing_is_held(
    books: Books, belkosten: Client, till: Client
) -> None:
    purse, other = a_purse(books, 100), a_purse(books, 100)
    known = hold(purse, 10)
    have(belkosten, known)
    assert became(have(belkosten, {**known, "account": other}, {**known, "purpose": "call/2"})) == ["holdExists"] * 2
    assert became(have(till, known)) == ["holdExists"]
    assert (books.figures(purse), books.figures(other)) == ((100, 10), (100, 0))


def test_one_id_twice_in_a_request_is_one_hold(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 100)
    twice = hold(purse, 70)
    assert became(have(belkosten, twice, twice, hold(purse, 70))) == [70, 70, 30]
    assert books.figures(purse) == (100, 100)


def test_an_account_out_of_scope_refuses_all(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 100)
    answer = belkosten.put("/holds", json={"holds": [hold(purse, 10), hold(FUND, 10)]})
    assert (answer.status_code, code_of(answer)) == (403, "outsideScope")
    assert books.figures(purse) == (100, 0)


@pytest.mark.parametrize(
    "holds",
    [
        [],
        [{**hold("holder:1:belkosten", 10), "id": "one"}],
        [{**hold("holder:1:belkosten", 10), "minimum": 11}],
        [{**hold("holder:1:belkosten", 0)}],
        [{key: value for key, value in hold("holder:1:belkosten", 1).items() if key != "id"}],
        [hold("holder:1:belkosten", 10) for _ in range(MAX_HOLDS + 1)],
    ],
    ids=["none", "no id", "minimum above amount", "nothing", "without an id", "too many"],
)
def test_what_is_malformed_refuses_all(books: Books, belkosten: Client, holds: list[dict[str, Any]]) -> None:
    purse = a_purse(books, 100)
    answer = belkosten.put("/holds", json={"holds": [*holds, hold(purse, 10)] if len(holds) == 1 else holds})
    assert (answer.status_code, code_of(answer) in ("malformed", "missing")) == (400, True)
    assert books.figures(purse) == (100, 0)


def test_the_most_that_a_service_asks_is_the_most_that_is_taken(books: Books, belkosten: Client) -> None:
    assert messages.MAX_HOLDS == MAX_HOLDS
    purse = a_purse(books, MAX_HOLDS)
    assert became(have(belkosten, *(hold(purse, 1) for _ in range(MAX_HOLDS)))) == [1] * MAX_HOLDS


def test_the_same_ids_asked_by_many_at_once_are_each_held_once(books: Books, belkosten: Client) -> None:
    purses = [a_purse(books, 100) for _ in range(5)]
    asked = [hold(purse, 60) for purse in purses for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: have(belkosten, *(asked if n % 2 else asked[::-1])), range(16)))
    for n, items in enumerate(answers):
        assert became(items if n % 2 else items[::-1]) == became(answers[1])
    assert Counter(became(answers[1])) == {60: 5, 40: 5}
    assert {books.figures(purse) for purse in purses} == {(100, 100)}
    assert books.faults() == []
