"""Holds that take what there is: never less than their minimum, never more than is available, whoever asks beside them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from foundation.application import create_api
from foundation.clock import now
from foundation.database import Database
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.integration.wallet.test_ledger_holds_routes import code_of
from tests.support.callers import Callers, Client
from wallet.ledger.actions import Transfer
from wallet.ledger.actions.posting import open_each_hold
from wallet.ledger.holds import routes
from wallet.ledger.postings import AskedHold, Granted, HoldRequest


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    verifier = callers.verifier("wallet")
    return create_api("wallet", database=books.database, verifier=verifier, routers=[routes.router])


def a_purse(books: Books, amount: int) -> str:
    purse = f"{books.holder()}:belkosten"
    books.post(Transfer(FUND, purse, amount))
    return purse


def asked(account: str, amount: int, minimum: int, hold_id: UUID | None = None) -> AskedHold:
    return AskedHold(HoldRequest(hold_id or uuid4(), account, amount), minimum, "call/1", "belkosten")


@pytest.mark.parametrize(
    ("amount", "minimum", "granted"), [(1_000, 100, 700), (701, 700, 700), (700, 1, 700), (5, 5, 5)]
)
def test_as_much_is_set_apart_as_is_available_and_the_answer_says_how_much(
    books: Books, till: Client, amount: int, minimum: int, granted: int
) -> None:
    purse = a_purse(books, 1_000)
    books.hold(HoldRequest(uuid4(), purse, 300))
    body = {"account": purse, "amount": amount, "minimum": minimum, "purpose": "call/1"}
    answer = till.post("/holds", json=body | {"expiresAt": "2099-01-01T01:00:00+01:00"})
    assert answer.status_code == 201, answer.text
    hold = answer.json()
    assert (hold["amount"], hold["remaining"], hold["state"]) == (granted, granted, "open")
    assert books.figures(purse) == (1_000, 300 + granted)
    # The answer is what is there, to the letter.
    assert till.get(f"/holds/{hold['id']}").json() == hold
    assert hold["expiresAt"] == "2099-01-01T00:00:00Z"
    assert books.faults() == []


def test_less_than_the_minimum_is_refused_and_tells_what_is_available(books: Books, till: Client) -> None:
    purse, empty = a_purse(books, 700), f"{books.holder()}:belkosten"
    for account, available in ((purse, 700), (empty, 0)):
        answer = till.post("/holds", json={"account": account, "amount": 900, "minimum": 701, "purpose": "call/1"})
        assert (answer.status_code, code_of(answer)) == (409, "tooLittle")
        assert answer.json()["errors"][0]["available"] == available
    assert books.figures(purse) == (700, 0)


@pytest.mark.parametrize("minimum", [0, -1, 101, "5", 1.5])
def test_a_minimum_that_is_no_amount_or_above_the_amount_is_malformed(books: Books, till: Client, minimum: Any) -> None:
    answer = till.post("/holds", json={"account": FUND, "amount": 100, "minimum": minimum, "purpose": "call/1"})
    assert (answer.status_code, code_of(answer)) == (400, "malformed")
    assert books.figures(FUND) == (1_000_000, 0)


def test_an_account_without_a_floor_gives_the_whole_amount(books: Books, till: Client) -> None:
    answer = till.post("/holds", json={"account": BANK, "amount": 500, "minimum": 1, "purpose": "test"})
    assert answer.json()["amount"] == 500
    assert books.figures(BANK) == (-1_000_000, 500)


def test_a_retry_after_its_expiry_is_told_what_was_answered_first(books: Books, till: Client) -> None:
    until = now() + timedelta(milliseconds=500)
    body = {"account": a_purse(books, 100), "amount": 10, "purpose": "call/1", "expiresAt": until.isoformat()}
    first = till.post("/holds", json=body, headers={"Idempotency-Key": "call/1"})
    assert first.status_code == 201, first.text
    while now() <= until:
        pass
    again = till.post("/holds", json=body, headers={"Idempotency-Key": "call/1"})
    assert (again.status_code, again.text, again.headers["Idempotency-Hit"]) == (201, first.text, "true")
    assert (till.post("/holds", json=body).status_code, books.balance(body["account"])) == (409, 100)


def test_two_at_once_with_a_minimum_take_exactly_what_is_there(books: Books, till: Client) -> None:
    """100 for twenty who each want 30 and at least 10: three get 30, one gets the last 10, and sixteen get nothing."""
    purse = a_purse(books, 100)
    body = {"account": purse, "amount": 30, "minimum": 10, "purpose": "call/1"}
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: till.post("/holds", json=body), range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 4, 409: 16}
    assert Counter(answer.json()["amount"] for answer in answers if answer.status_code == 201) == {30: 3, 10: 1}
    assert books.figures(purse) == (100, 100)
    assert books.faults() == []


def test_two_transactions_at_once_with_a_minimum_never_get_the_same_money(books: Books) -> None:
    purses = [a_purse(books, 45) for _ in range(12)]

    def ask(purse: str) -> int:
        with books.database.transaction() as db:
            [outcome] = open_each_hold(db, [asked(purse, 30, 15)])
        return outcome.amount if isinstance(outcome, Granted) else 0

    with ThreadPoolExecutor(8) as pool:
        granted = list(pool.map(ask, purses * 3))
    assert Counter(granted) == {30: 12, 15: 12, 0: 12}
    assert {books.figures(purse) for purse in purses} == {(45, 45)}


def test_one_that_a_rule_refuses_leaves_its_neighbours_as_they_are(books: Books) -> None:
    purse, unopened, closed = a_purse(books, 100), f"{books.holder()}:belkosten", a_purse(books, 1)
    books.post(Transfer(closed, FUND, 1))
    books.rows("SELECT ledger.close_account(:address)", address=closed)
    lessons = AskedHold(HoldRequest(uuid4(), purse, 1, "LESSON"), 1, "call/1", "belkosten")
    requests = [
        asked(purse, 60, 60),
        asked(purse, 60, 41),
        asked("holder:nobody:belkosten", 1, 1),
        asked(unopened, 1, 1),
        asked(closed, 1, 1),
        lessons,
        asked(purse, 60, 40),
        asked(purse, 1, 1),
    ]
    with books.database.transaction() as db:
        outcomes = open_each_hold(db, requests)
    assert [each.amount if isinstance(each, Granted) else type(each).__name__ for each in outcomes] == [
        *(60, "TooLittle", "UnknownAccount", "TooLittle", "ClosedAccount", "WrongAsset"),
        *(40, "TooLittle"),
    ]
    assert books.figures(purse) == (100, 100)
    assert books.faults() == []


def test_those_who_wait_together_have_each_their_purpose_their_end_and_their_name(books: Books) -> None:
    until = datetime(2099, 1, 1, tzinfo=UTC)
    requests = [
        AskedHold(HoldRequest(uuid4(), FUND, 10), 10, "call/1", "belkosten", until),
        AskedHold(HoldRequest(uuid4(), FUND, 20), 5, "basket", "till"),
    ]
    with books.database.transaction() as db:
        granted = open_each_hold(db, requests)
    for request, outcome in zip(requests, granted, strict=True):
        assert isinstance(outcome, Granted)
        [row] = books.rows(
            "SELECT h.amount, h.purpose, h.opened_by, h.expires_at, h.opened_at, e.kind, e.amount AS of_event, e.actor"
            "  FROM ledger.hold h JOIN ledger.hold_event e ON e.hold_id = h.id WHERE h.id = :id",
            id=request.request.id,
        )
        assert (row.amount, row.purpose, row.opened_by) == (request.request.amount, request.purpose, request.actor)
        assert (row.expires_at, row.opened_at) == (request.expires_at, outcome.opened_at)
        assert (row.kind, row.of_event, row.actor) == ("opened", row.amount, request.actor)


def test_holds_together_and_postings_over_the_same_purses_never_wait_in_a_ring(books: Books) -> None:
    purses = [a_purse(books, 10_000) for _ in range(6)]

    def hold(order: int) -> None:
        # transaction(), not run(): a deadlock would not be tried again and would fail the test.
        with books.database.transaction() as db:
            outcomes = open_each_hold(db, [asked(purse, 1, 1) for purse in purses[::order]])
        assert all(isinstance(each, Granted) for each in outcomes)

    def give(order: int) -> None:
        books.post(*[Transfer(FUND, purse, 1) for purse in purses[::order]])

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(act, order) for _ in range(10) for act in (hold, give) for order in (1, -1)]:
            done.result()
    assert {books.figures(purse) for purse in purses} == {(10_020, 20)}
    assert books.faults() == []
