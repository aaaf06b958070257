"""Many at once, over real connections: no balance below its floor, no ring of waiting, no grant twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from foundation.database import Database
from tests.integration.wallet.ledger_books import DAY, FUND, OUTGOING, Books
from wallet.ledger import refusals
from wallet.ledger.actions import HoldRequest, Transfer, open_holds, post, release_holds


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


def at_once(acts: Sequence[Callable[[], Any]], threads: int = 8) -> Counter[str]:
    """Run all acts over several connections; gives how often each ended, by the name of its refusal or "done"."""

    def run(act: Callable[[], Any]) -> str:
        try:
            act()
        except refusals.LedgerRefusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(threads) as pool:
        return Counter(pool.map(run, acts))


def post_once(books: Books, *transfers: Transfer) -> None:
    # transaction(), not run(): a deadlock would not be tried again and would fail the test.
    with books.database.transaction() as db:
        post(db, kind="test", value_date=DAY, actor="tester", transfers=transfers)


def test_two_hundred_spenders_of_one_purse_get_what_is_there_and_no_cent_more(books: Books) -> None:
    purse = f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, 1_050))
    ended = at_once([lambda: post_once(books, Transfer(purse, OUTGOING, 10))] * 200)
    assert ended == {"done": 105, "tooLittle": 95}
    assert (books.balance(purse), books.balance(OUTGOING)) == (0, 1_050)
    assert books.faults() == []


def test_opposite_transfers_between_the_same_accounts_never_wait_in_a_ring(books: Books) -> None:
    purses = [f"{books.holder()}:vrij" for _ in range(6)]
    books.post(*[Transfer(FUND, purse, 10_000) for purse in purses])

    def forth() -> None:
        post_once(books, *[Transfer(purses[i], purses[i + 1], 1) for i in range(5)], Transfer(FUND, purses[0], 1))

    def back() -> None:
        post_once(
            books, *[Transfer(purses[i + 1], purses[i], 1) for i in reversed(range(5))], Transfer(purses[5], FUND, 1)
        )

    assert at_once([forth, back] * 60) == {"done": 120}
    assert [books.balance(purse) for purse in purses] == [10_060, 10_000, 10_000, 10_000, 10_000, 9_940]
    assert books.faults() == []


def test_calls_that_open_the_same_purses_in_opposite_order_all_succeed(books: Books) -> None:
    for _ in range(10):
        purses = [f"{books.holder()}:vrij" for _ in range(20)]
        up = [Transfer(FUND, purse, 1) for purse in purses]
        acts = [lambda up=up: post_once(books, *up), lambda up=up: post_once(books, *reversed(up))] * 2
        assert at_once(acts, threads=4) == {"done": 4}
        assert {books.balance(purse) for purse in purses} == {4}
    assert books.faults() == []


def test_a_grant_key_used_by_ten_at_once_is_posted_once(books: Books) -> None:
    purse = f"{books.holder()}:burgerbudget"
    acts = [lambda: post_once(books, Transfer(FUND, purse, 100_000, grant_key="start/1"))] * 10
    assert at_once(acts) == {"done": 1, "grantKeyUsed": 9}
    assert books.balance(purse) == 100_000


def test_holds_captures_and_releases_at_once_leave_held_equal_to_what_open_holds_have(books: Books) -> None:
    purse = f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, 10_000))
    holds = [uuid4() for _ in range(60)]

    def life(index: int) -> None:
        hold = holds[index]
        with books.database.transaction() as db:
            open_holds(db, [HoldRequest(hold, purse, 100)], "test", "tester")
        post_once(books, Transfer(purse, OUTGOING, 40, hold_id=hold))
        if index % 2:
            with books.database.transaction() as db:
                release_holds(db, [hold], "tester")

    assert at_once([lambda index=index: life(index) for index in range(60)]) == {"done": 60}
    # 60 captures of 40 left 10,000 - 2,400; 30 holds are open with 60 each.
    assert books.figures(purse) == (7_600, 1_800)
    assert books.faults() == []
