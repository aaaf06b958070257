"""Short postings that wait at the same moment share a transaction, and nothing else: not their journal, not their fate."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI

from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import DAY, FUND, Books
from tests.support.callers import Callers, Client
from wallet.ledger import refusals
from wallet.ledger.actions import Transfer, post
from wallet.ledger.actions.posting import post_each
from wallet.ledger.postings import Posted, Posting
from wallet.ledger.routes import router


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def burgerbudget(books: Books, callers: Callers) -> Client:
    api: FastAPI = create_api("wallet", database=books.database, verifier=callers.verifier("wallet"), routers=[router])
    return callers.service_client(api, "wallet", "burgerbudget")


def asked(source: str, destination: str, amount: int, **more: Any) -> dict[str, Any]:
    transfer = {"source": source, "destination": destination, "amount": amount, "asset": "EUR", **more}
    return {"kind": "use", "valueDate": "2026-10-01", "transfers": [transfer]}


def all_at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    together = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        together.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def posting(*transfers: Transfer, decision: str | None = None) -> Posting:
    return Posting("use", DAY, "burgerbudget", None, decision, None, transfers)


def test_thirty_askers_of_one_purse_get_what_is_there_each_in_a_journal_of_their_own(
    books: Books, burgerbudget: Client
) -> None:
    source, destination = f"{books.holder()}:burgerbudget", f"{books.holder()}:vrij"
    books.post(Transfer(FUND, source, 205))
    answers = all_at_once([lambda: burgerbudget.post("/transfers", json=asked(source, destination, 10))] * 30)
    assert Counter(answer.status_code for answer in answers) == {201: 20, 409: 10}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 20
    problems = [answer.json()["errors"][0] for answer in answers if answer.status_code == 409]
    assert {(each["code"], each["pointer"]) for each in problems} == {("tooLittle", "/transfers/0")}
    assert (books.balance(source), books.balance(destination)) == (5, 200)
    assert books.faults() == []


def test_the_same_request_many_times_at_once_is_done_once(books: Books, burgerbudget: Client) -> None:
    purse = f"{books.holder()}:vrij"
    body = asked(FUND, purse, 10)
    answers = all_at_once([lambda: burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": "one"})] * 12)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert Counter(answer.headers.get("Idempotency-Hit") for answer in answers) == {None: 1, "true": 11}
    other = burgerbudget.post("/transfers", json=asked(FUND, purse, 11), headers={"Idempotency-Key": "one"})
    assert other.status_code == 422
    assert books.balance(purse) == 10


def test_a_refusal_is_kept_under_its_key_and_repeated_after_the_money_came(books: Books, burgerbudget: Client) -> None:
    source, destination = f"{books.holder()}:burgerbudget", f"{books.holder()}:vrij"
    books.post(Transfer(FUND, source, 5))
    body = asked(source, destination, 10)
    first = burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": "early"})
    books.post(Transfer(FUND, source, 5))
    again = burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": "early"})
    assert (first.status_code, again.status_code, again.text) == (409, 409, first.text)
    assert burgerbudget.post("/transfers", json=body).status_code == 201


def test_one_that_a_rule_refuses_leaves_its_neighbours_as_they_are(books: Books) -> None:
    owner = books.holder()
    postings = [
        posting(Transfer(FUND, f"{owner}:burgerbudget", 100, grant_key="once"), decision="decision/1"),
        posting(Transfer(FUND, f"{owner}:burgerbudget", 100, grant_key="once")),
        posting(Transfer(FUND, f"{owner}:burgerbudget", 99_901)),
        posting(Transfer(FUND, "holder:nobody:vrij", 1)),
        posting(Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 60), Transfer(FUND, f"{owner}:vrij", 1)),
        posting(Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 41)),
    ]
    with books.database.transaction() as db:
        outcomes = post_each(db, postings)
    assert [type(each).__name__ for each in outcomes] == [
        "Posted",
        "GrantKeyUsed",
        "OverCeiling",
        "UnknownAccount",
        "Posted",
        "TooLittle",
    ]
    # Numbers of journals that were refused are not given out again.
    assert [each.transfer_ids for each in outcomes if isinstance(each, Posted)] == [["2-2"], ["5-2", "5-4"]]
    refused = outcomes[5]
    assert isinstance(refused, refusals.TooLittle)
    assert (refused.available, refused.asked) == (40, 41)
    assert (books.balance(f"{owner}:burgerbudget"), books.balance(f"{owner}:vrij")) == (40, 61)
    assert books.faults() == []


def test_gathered_and_single_postings_over_the_same_accounts_never_wait_in_a_ring(books: Books) -> None:
    purses = [f"{books.holder()}:vrij" for _ in range(6)]
    books.post(*[Transfer(FUND, purse, 10_000) for purse in purses[:3]])

    def gathered() -> None:
        # transaction(), not run(): a deadlock would not be tried again and would fail the test.
        with books.database.transaction() as db:
            outcomes = post_each(db, [posting(Transfer(purses[i], purses[5 - i], 1)) for i in (2, 0, 1)])
        assert all(isinstance(each, Posted) for each in outcomes)

    def single() -> None:
        with books.database.transaction() as db:
            transfers = [Transfer(FUND, purse, 1) for purse in purses]
            post(db, kind="test", value_date=DAY, actor="tester", transfers=transfers)

    all_at_once([gathered, single] * 10)
    assert [books.balance(purse) for purse in purses] == [10_000] * 3 + [20] * 3
    assert books.faults() == []
