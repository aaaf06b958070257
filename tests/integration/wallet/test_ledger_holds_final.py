"""The end of holds: a final capture gives back what it leaves, and a posting lets go of the holds that it names."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from foundation.access import Caller, Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import FUND, Books
from tests.integration.wallet.ledger_periods import Periods
from tests.integration.wallet.test_ledger_holds_routes import code_of, opened
from tests.support.callers import Callers, Client
from wallet.ledger.actions import HoldRequest, Transfer
from wallet.ledger.actions.spending import post_for_service
from wallet.ledger.holds import routes as holds
from wallet.ledger.routes import router
from wallet.ledger.schemas import TransferIn, TransfersIn

CLEARING = "clearing:belkosten"


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    verifier = callers.verifier("wallet")
    return create_api("wallet", database=books.database, verifier=verifier, routers=[router, holds.router])


@pytest.fixture
def belkosten(api: FastAPI, callers: Callers) -> Client:
    return callers.service_client(api, "wallet", "belkosten")


def a_purse(books: Books, amount: int) -> str:
    purse = f"{books.holder()}:belkosten"
    books.post(Transfer(FUND, purse, amount))
    return purse


def settle(client: Client, hold: str, amount: int, **more: Any) -> Any:
    body = {"destination": CLEARING, "amount": amount, "kind": "call", "final": True, **more}
    return client.post(f"/holds/{hold}/captures", json=body)


def events(client: Client, hold: str) -> list[tuple[str, int, int]]:
    items = client.get(f"/holds/{hold}/events").json()["items"]
    return [(item["kind"], item["amount"], item["remainingAfter"]) for item in items]


def test_after_a_final_capture_what_remains_is_given_back(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 1_000)
    hold = opened(belkosten, purse, 600, "call/1")
    answer = settle(belkosten, hold, 42, grantKey="call/1")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["hold"]["state"], answer.json()["hold"]["remaining"]) == ("released", 0)
    assert events(belkosten, hold) == [("opened", 600, 600), ("captured", 42, 558), ("released", 558, 0)]
    assert (books.figures(purse), books.figures(CLEARING)) == ((958, 0), (42, 0))
    assert books.faults() == []


def test_a_final_capture_of_all_that_remains_leaves_nothing_to_give_back(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 1_000)
    hold = opened(belkosten, purse, 600, "call/1")
    assert settle(belkosten, hold, 100, final=False).json()["hold"]["state"] == "open"
    assert settle(belkosten, hold, 500).json()["hold"]["state"] == "captured"
    assert events(belkosten, hold) == [("opened", 600, 600), ("captured", 100, 500), ("captured", 500, 0)]
    assert books.figures(purse) == (400, 0)


def test_a_final_capture_that_is_refused_gives_nothing_back(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 1_000)
    hold = opened(belkosten, purse, 600, "call/1")
    too_much = settle(belkosten, hold, 601)
    assert (too_much.status_code, code_of(too_much)) == (409, "holdTooSmall")
    assert too_much.json()["errors"][0]["available"] == 600
    away = settle(belkosten, hold, 1, destination="clearing:sociaal-krediet")
    assert (away.status_code, code_of(away)) == (403, "outsideScope")
    assert settle(belkosten, hold, 1, final="ja").status_code == 400
    assert (events(belkosten, hold), books.figures(purse)) == ([("opened", 600, 600)], (1_000, 600))
    assert settle(belkosten, hold, 1).status_code == 201
    closed = settle(belkosten, hold, 1)
    assert (closed.status_code, code_of(closed)) == (409, "holdNotOpen")


def test_a_late_final_capture_is_booked_in_the_open_month_and_names_its_own(
    books: Books, belkosten: Client, auditor: Client, today: Callable[[str], None], tmp_path: Path
) -> None:
    periods = Periods(books, tmp_path, today)
    today("2026-11-03")
    purse = f"{books.holder()}:belkosten"
    books.post(Transfer(FUND, purse, 1_000), value_date=date(2026, 10, 5))
    hold = opened(belkosten, purse, 600, "call/1")
    periods.close("2026-10")
    refused = settle(belkosten, hold, 42, valueDate="2026-10-31")
    assert (refused.status_code, code_of(refused)) == (409, "periodClosed")
    late = settle(belkosten, hold, 42, valueDate="2026-10-31", late="firstOpenDay")
    assert late.status_code == 201, late.text
    journal = auditor.get(f"/transfers/{late.json()['id']}").json()
    assert (journal["valueDate"], journal["kind"]) == ("2026-11-01", "call")
    assert "2026-10-31" in journal["reason"]
    assert late.json()["hold"]["state"] == "released"


def bill(client: Client, source: str, amount: int, *releases: str, **more: Any) -> Any:
    line = {"source": source, "destination": CLEARING, "amount": amount, "asset": "EUR"}
    return client.post("/transfers", json={"kind": "call", "transfers": [line], "releases": list(releases), **more})


def test_a_posting_lets_go_of_the_holds_that_it_names(books: Books, belkosten: Client) -> None:
    purses = [a_purse(books, 1_000) for _ in range(3)]
    made = [opened(belkosten, purse, 600, f"call/{number}") for number, purse in enumerate(purses)]
    belkosten.post(f"/holds/{made[2]}/releases")
    # Captured, released with nothing captured, closed before, and twice the same.
    lines = [
        {"source": purses[0], "destination": CLEARING, "amount": 25, "asset": "EUR", "holdId": made[0]},
        {"source": purses[2], "destination": CLEARING, "amount": 1_000, "asset": "EUR"},
    ]
    body = {"kind": "call", "transfers": lines, "releases": [made[0], made[1], made[2], made[1]]}
    answer = belkosten.post("/transfers", json=body, headers={"Idempotency-Key": "import/1"})
    assert answer.status_code == 201, answer.text
    assert events(belkosten, made[0]) == [("opened", 600, 600), ("captured", 25, 575), ("released", 575, 0)]
    assert events(belkosten, made[1]) == [("opened", 600, 600), ("released", 600, 0)]
    assert len(events(belkosten, made[2])) == 2
    assert [books.figures(purse) for purse in purses] == [(975, 0), (1_000, 0), (0, 0)]
    again = belkosten.post("/transfers", json=body, headers={"Idempotency-Key": "import/1"})
    assert (again.text, books.balance(CLEARING)) == (answer.text, 1_025)
    assert books.faults() == []


def test_what_is_held_is_not_there_for_the_posting_that_lets_go_of_it(books: Books, belkosten: Client) -> None:
    purse = a_purse(books, 1_000)
    hold = opened(belkosten, purse, 600, "call/1")
    refused = bill(belkosten, purse, 401, hold)
    assert (refused.status_code, code_of(refused)) == (409, "tooLittle")
    assert books.figures(purse) == (1_000, 600)
    assert bill(belkosten, purse, 400, hold).status_code == 201
    assert books.figures(purse) == (600, 0)


def test_holds_of_another_and_holds_that_nobody_made_stop_the_posting(
    books: Books, belkosten: Client, burgerbudget: Client, maker: Client
) -> None:
    purse = a_purse(books, 1_000)
    theirs, own = opened(burgerbudget, FUND, 5), opened(belkosten, purse, 5, "call/1")
    for holds_named, status, code in (
        ([own, theirs], 403, "notYourHold"),
        ([own, str(uuid4())], 404, "unknownHold"),
        (["x"], 400, "malformed"),
        ([own] * 10_001, 400, "malformed"),
    ):
        answer = bill(belkosten, purse, 1, *holds_named)
        assert (answer.status_code, code_of(answer)) == (status, code)
    by_hand = bill(maker, purse, 1, own, reason="zo maar")
    assert (by_hand.status_code, code_of(by_hand)) == (403, "holdByHand")
    assert (books.figures(purse), books.figures(FUND)) == ((1_000, 5), (999_000, 5))


def test_a_proposal_keeps_what_was_asked_without_a_word_of_holds(books: Books, maker: Client) -> None:
    proposed = bill(maker, FUND, 1, reason="afspraak").json()["id"]
    [row] = books.rows("SELECT posting FROM ledger.proposal WHERE id = :id", id=proposed)
    assert set(row.posting) == {"kind", "transfers"}


def test_postings_that_let_go_and_others_over_the_same_accounts_never_wait_in_a_ring(books: Books) -> None:
    purses = [a_purse(books, 1_000) for _ in range(4)]
    service = Caller("tester", frozenset({Role.SERVICE}))

    def settle_other(number: int) -> None:
        purse, other, hold = purses[number % 4], purses[(number + 1) % 4], uuid4()
        books.hold(HoldRequest(hold, other, 10))
        line = TransferIn(source=purse, destination=CLEARING, amount=1)
        # transaction(), not run(): a deadlock would not be tried again and would fail the test.
        with books.database.transaction() as db:
            post_for_service(db, TransfersIn(kind="call", transfers=[line], releases=[hold]), service)

    def give(number: int) -> None:
        books.post(*[Transfer(purse, CLEARING, 1) for purse in purses[:: 1 if number % 2 else -1]])

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(act, number) for number in range(24) for act in (settle_other, give)]:
            done.result()
    assert [books.figures(purse) for purse in purses] == [(1_000 - 6 - 24, 0)] * 4
    assert books.balance(CLEARING) == 24 + 4 * 24
    assert books.faults() == []
