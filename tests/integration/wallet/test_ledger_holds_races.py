"""Many holds at once, over real connections: each is closed once, and what is held is always what is still open."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from foundation.work import Worker
from tests.integration.wallet.ledger_books import FUND, OUTGOING, Books
from tests.integration.wallet.test_ledger_concurrency import at_once, post_once
from tests.support.callers import Callers, Client
from wallet import tasks
from wallet.ledger.actions import HoldRequest, Transfer, expire_holds, register_owners, release_holds
from wallet.ledger.holds import routes as holds


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def worker(wallet_database: Database) -> Worker:
    made = Worker("wallet", redis_url="redis://127.0.0.1:1/0", database=lambda: wallet_database)
    tasks.register(made, cast(Any, None))
    return made


def past_holds(books: Books, purses: list[str], each: int, amount: int) -> list[UUID]:
    """Open holds whose time is past, `each` on every purse; gives them purse by purse."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    requests = [HoldRequest(uuid4(), purse, amount) for purse in purses for _ in range(each)]
    for start in range(0, len(requests), 1_000):
        books.hold(*requests[start : start + 1_000], expires_at=past)
    return [request.id for request in requests]


def closings(books: Books) -> Counter[tuple[str, ...]]:
    """Count holds by what happened to them, in order."""
    rows = books.rows(
        "SELECT array_agg(kind || ' ' || amount ORDER BY sequence) AS life FROM ledger.hold_event GROUP BY hold_id"
    )
    return Counter(tuple(row.life) for row in rows)


def test_five_thousand_holds_expire_beside_captures_without_a_deadlock_and_nothing_stays_held(books: Books) -> None:
    purses = [f"{books.holder()}:vrij" for _ in range(100)]
    books.post(*[Transfer(FUND, purse, 1_000) for purse in purses])
    opened = past_holds(books, purses, each=50, amount=10)
    assert sum(held for _, held in books.all_figures(purses).values()) == 50_000
    # Every tenth is captured in part, in another order than that of the expiry.
    some = [(index // 50, hold) for index, hold in enumerate(opened)][::10]
    random.Random(1).shuffle(some)
    captures = [
        lambda purse=purses[purse], hold=hold: post_once(books, Transfer(purse, OUTGOING, 4, hold_id=hold))
        for purse, hold in some
    ]

    def expire() -> None:
        closed = 1
        while closed:
            # transaction(), not run(): a deadlock would not be tried again and would fail the test.
            with books.database.transaction() as db:
                closed = expire_holds(db, datetime.now(UTC), 250, "sweeper")

    with ThreadPoolExecutor(2) as pool:
        sweeps = [pool.submit(expire) for _ in range(2)]
        ended = at_once(captures, threads=4)
        for sweep in sweeps:
            sweep.result()
    # Of two that sweep at once one may find its whole round closed by the other, and stop early.
    expire()

    assert ended["done"] + ended["holdNotOpen"] == 500
    assert closings(books) == Counter(
        {
            ("opened 10", "captured 4", "expired 6"): ended["done"],
            ("opened 10", "expired 10"): 5_000 - ended["done"],
        }
    )
    assert {held for _, held in books.all_figures(purses).values()} == {0}
    assert sum(posted for posted, _ in books.all_figures(purses).values()) == 100_000 - 4 * ended["done"]
    assert books.balance(OUTGOING) == 4 * ended["done"]
    assert books.faults() == []


def test_the_worker_expires_all_that_is_past_also_more_than_one_round_and_nothing_else(
    books: Books, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "EXPIRED_AT_ONCE", 10)
    purse = f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, 1_000))
    past_holds(books, [purse], each=25, amount=10)
    books.hold(HoldRequest(uuid4(), purse, 30), expires_at=datetime.now(UTC) + timedelta(days=1))
    books.hold(HoldRequest(uuid4(), purse, 5))
    worker.celery.tasks[tasks.EXPIRE]()
    assert books.figures(purse) == (1_000, 35)
    assert closings(books) == Counter({("opened 10", "expired 10"): 25, ("opened 30",): 1, ("opened 5",): 1})


def test_of_a_capture_a_release_and_an_expiry_of_one_hold_exactly_one_wins(books: Books) -> None:
    purses = [f"{books.holder()}:vrij" for _ in range(6)]
    books.post(*[Transfer(FUND, purse, 200) for purse in purses])
    opened = past_holds(books, purses, each=10, amount=20)

    def capture(index: int) -> None:
        post_once(books, Transfer(purses[index // 10], OUTGOING, 20, hold_id=opened[index]))

    def release(index: int) -> None:
        with books.database.transaction() as db:
            release_holds(db, [opened[index]], "tester")

    def expire(index: int) -> None:
        with books.database.transaction() as db:
            expire_holds(db, datetime.now(UTC), 1, "sweeper")

    acts = [lambda act=act, index=index: act(index) for act in (capture, release, expire) for index in range(60)]
    random.Random(2).shuffle(acts)
    ended = at_once(acts)

    lives = closings(books)
    captured = lives["opened 20", "captured 20"]
    assert captured + lives["opened 20", "released 20"] + lives["opened 20", "expired 20"] == 60
    # Who comes late to a capture is told; a release or an expiry that comes late changes nothing.
    assert ended == Counter({"done": 120 + captured, "holdNotOpen": 60 - captured}) - Counter()
    assert {held for _, held in books.all_figures(purses).values()} == {0}
    assert books.balance(OUTGOING) == 20 * captured
    assert books.faults() == []


def test_two_tills_at_once_never_overspend_and_the_person_pays_the_remainder(books: Books, callers: Callers) -> None:
    """DP-4: 40 baskets of 3.00 against a credit of 25.00; a till that is told how little there is asks for that."""
    purse, shop = f"{books.holder()}:meedoen", "payable:shop-1"
    with books.database.transaction() as db:
        register_owners(db, [shop])
    books.post(Transfer(FUND, purse, 2_500))
    api: FastAPI = create_api(
        "wallet", database=books.database, verifier=callers.verifier("wallet"), routers=[holds.router]
    )
    tills = [callers.client(api, "wallet", Role.SERVICE, name) for name in ("till-north", "till-south")]

    def pay(till: Client) -> int:
        """Pay one basket out of the credit as far as that goes; gives what the person has to add."""
        asked = 300
        while asked:
            body = {"account": purse, "amount": asked, "purpose": "basket"}
            held = till.post("/holds", json=body)
            if held.status_code == 201:
                captured = till.post(
                    f"/holds/{held.json()['id']}/captures", json={"destination": f"{shop}:meedoen", "amount": asked}
                )
                assert captured.status_code == 201, captured.text
                break
            [error] = held.json()["errors"]
            assert (held.status_code, error["code"]) == (409, "tooLittle"), held.text
            asked = error["available"]
        return 300 - asked

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(pay, tills * 20))
    # 40 baskets cost 12,000; the credit pays its 2,500, and the people the other 9,500.
    assert (books.figures(purse), books.balance(f"{shop}:meedoen"), sum(added)) == ((0, 0), 2_500, 9_500)
    assert books.faults() == []
