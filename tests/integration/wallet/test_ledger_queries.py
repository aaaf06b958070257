"""Reading the purses and the entries of one owner."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from foundation.database import Database
from foundation.refusals import BadRequest
from tests.integration.wallet.ledger_books import FUND, Books
from wallet.ledger.actions import HoldRequest, Transfer
from wallet.ledger.queries import Transaction, purses_of, transactions_of


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


def pages(books: Books, owner: str, limit: int, **filters: object) -> list[list[Transaction]]:
    read, cursor = [], None
    while True:
        with books.database.transaction() as db:
            items, cursor = transactions_of(db, owner, limit=limit, cursor=cursor, **filters)  # type: ignore[arg-type]
        read.append(items)
        if cursor is None:
            return read


def test_an_owner_has_the_purses_that_were_opened_and_no_others(books: Books) -> None:
    owner, other = books.holder(), books.holder()
    books.post(Transfer(FUND, f"{owner}:vrij", 500), Transfer(FUND, f"{owner}:burgerbudget", 700))
    books.post(Transfer(FUND, f"{other}:vrij", 1))
    books.hold(HoldRequest(uuid4(), f"{owner}:vrij", 120))
    with books.database.transaction() as db:
        found = purses_of(db, owner)
    assert [(row.purse, row.asset, row.balance, row.held, row.available) for row in found] == [
        ("burgerbudget", "EUR", 700, 0, 700),
        ("vrij", "EUR", 500, 120, 380),
    ]


def test_entries_of_all_purses_come_newest_first_each_once_over_any_page_length(books: Books) -> None:
    owner = books.holder()
    budget, free = f"{owner}:burgerbudget", f"{owner}:vrij"
    books.post(Transfer(FUND, budget, 1_000))
    for amount in (10, 20, 30):
        books.post(Transfer(budget, free, amount), kind="use")
    books.post(Transfer(FUND, free, 5))
    expected = [
        ("vrij", 5, 65),
        ("vrij", 30, 60),
        ("burgerbudget", -30, 940),
        ("vrij", 20, 30),
        ("burgerbudget", -20, 970),
        ("vrij", 10, 10),
        ("burgerbudget", -10, 990),
        ("burgerbudget", 1_000, 1_000),
    ]
    for limit in (1, 2, 3, 7, 8, 50):
        read = pages(books, owner, limit)
        assert [(item.purse, item.amount, item.balance_after) for page in read for item in page] == expected
        assert [len(page) for page in read[:-1]] == [limit] * (len(read) - 1)


def test_one_purse_and_a_span_of_value_dates_can_be_asked(books: Books) -> None:
    owner = books.holder()
    for day in (1, 2, 3, 4):
        books.post(
            Transfer(FUND, f"{owner}:vrij", day),
            Transfer(FUND, f"{owner}:burgerbudget", 1),
            value_date=date(2026, 10, day),
        )
    span = pages(books, owner, 1, purse="vrij", from_=date(2026, 10, 2), to=date(2026, 10, 3))
    assert [item.amount for page in span for item in page] == [3, 2]
    assert pages(books, owner, 10, purse="belkosten") == [[]]


def test_a_cursor_that_we_did_not_give_is_refused(books: Books) -> None:
    owner = books.holder()
    with pytest.raises(BadRequest), books.database.transaction() as db:
        transactions_of(db, owner, cursor="bm9uc2Vuc2U")
