"""One account that pays many once each: the same legs, entries and refusals as by the longer way."""

from __future__ import annotations

from random import Random
from uuid import uuid4

import psycopg
import pytest

from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.ledger_books import FUND, OUTGOING, Books
from wallet.ledger.actions import HoldRequest, Transfer

LEGS = """
SELECT * FROM ledger.legs(%(locked)s::bigint[], %(posted)s::bigint[], %(held)s::bigint[], %(versions)s::bigint[],
                          %(floors)s::bigint[], %(ceilings)s::bigint[], ARRAY[%(source)s]::bigint[],
                          array_fill(%(source)s::bigint, ARRAY[cardinality(%(amounts)s::bigint[])]),
                          %(destinations)s::bigint[], %(amounts)s::bigint[], %(holds)s::uuid[]) ORDER BY line
"""
FAN_OUT = """
SELECT * FROM ledger.fan_out(%(locked)s::bigint[], %(posted)s::bigint[], %(held)s::bigint[], %(versions)s::bigint[],
                             %(floors)s::bigint[], %(ceilings)s::bigint[], %(source)s::bigint, %(destinations)s::bigint[],
                             %(amounts)s::bigint[], %(holds)s::uuid[]) ORDER BY line
"""


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.mark.parametrize("seed", range(25))
def test_its_legs_are_those_of_any_list_of_transfers(wallet_owner_url: str, seed: int) -> None:
    """Whatever is locked: with and without floors, ceilings and holds, in any order, above and below the limits."""
    some = Random(seed)
    count, source = some.randint(1, 40), 1_000
    destinations = some.sample(range(1, 200), count)
    locked = [*sorted(destinations), source]
    hold = str(uuid4())
    values = {
        "source": source,
        "destinations": destinations,
        "locked": locked,
        "amounts": [some.randint(1, 50) for _ in destinations],
        "posted": [*(some.randint(0, 100) for _ in destinations), some.randint(0, 60 * count)],
        "held": [*(some.randint(0, 20) for _ in destinations), some.randint(0, 30 * count)],
        "versions": [some.randint(0, 9) for _ in locked],
        "floors": [some.choice([None, 0, 10]) for _ in locked],
        "ceilings": [some.choice([None, 100, 120]) for _ in locked],
        "holds": some.choice([None, [hold] * count, [some.choice([hold, None]) for _ in destinations]]),
    }
    with psycopg.connect(wallet_owner_url) as owner:
        legs = owner.execute(LEGS, values).fetchall()
        assert len(legs) == count + 1
        assert owner.execute(FAN_OUT, values).fetchall() == legs


def test_a_destination_that_comes_twice_has_its_chain_and_one_that_comes_once_too(books: Books) -> None:
    one, two = (f"{books.holder()}:vrij" for _ in range(2))
    once = books.post(Transfer(FUND, one, 30), Transfer(FUND, two, 50))
    assert [line[3:6] for line in books.lines(once.journal_id)] == [(30, 30, 1), (50, 50, 1), (-80, 999_920, 2)]
    twice = books.post(Transfer(FUND, one, 1), Transfer(FUND, two, 2), Transfer(FUND, one, 4))
    assert [line[3:6] for line in books.lines(twice.journal_id)] == [
        (1, 31, 2),
        (2, 52, 2),
        (4, 35, 3),
        (-7, 999_913, 3),
    ]
    again = books.post(Transfer(FUND, two, 10), Transfer(FUND, one, 20))
    assert [line[3:6] for line in books.lines(again.journal_id)] == [(10, 62, 3), (20, 55, 4), (-30, 999_883, 4)]
    assert books.faults() == []


def test_what_a_hold_pays_is_taken_from_the_hold_and_the_rest_is_not(books: Books) -> None:
    one, two, hold = f"{books.holder()}:vrij", f"{books.holder()}:vrij", uuid4()
    books.hold(HoldRequest(hold, FUND, 600_000))
    books.post(Transfer(FUND, one, 400_000, hold_id=hold), Transfer(FUND, two, 300_000))
    assert books.figures(FUND) == (300_000, 200_000)
    assert books.faults() == []


def test_it_is_refused_in_the_same_words(books: Books) -> None:
    one, two = (books.holder() for _ in range(2))
    purses = (f"{one}:vrij", f"{two}:vrij")

    def refusal(*transfers: Transfer) -> tuple[str, str | None]:
        with pytest.raises(Refusal) as refused:
            books.post(*transfers)
        error = refused.value.errors[0]
        return error.code, error.pointer

    def each_way(*transfers: Transfer) -> tuple[str, str | None]:
        fanned = refusal(*transfers)
        # With the first destination twice it is no fan.
        assert refusal(*transfers, Transfer(FUND, transfers[0].destination, 1)) == fanned
        return fanned

    paid = Transfer(FUND, purses[0], 5, grant_key="gift/1")
    books.post(paid)
    assert each_way(Transfer(FUND, purses[1], 5), paid)[0] == "grantKeyUsed"
    assert each_way(Transfer(FUND, purses[1], 5), Transfer(FUND, purses[0], 1_000_000))[0] == "tooLittle"
    budgets = (f"{one}:burgerbudget", f"{two}:burgerbudget")
    assert each_way(Transfer(FUND, budgets[0], 1), Transfer(FUND, budgets[1], 100_001))[0] == "overCeiling"
    assert each_way(Transfer(FUND, purses[0], 1), Transfer(FUND, "holder:nobody:vrij", 1))[0] == "unknownAccount"
    assert each_way(Transfer(FUND, purses[0], 1), Transfer(FUND, FUND, 1))[0] == "sameAccount"
    assert books.faults() == []


def test_a_bank_account_among_them_keeps_a_line_of_its_own(books: Books) -> None:
    purse = f"{books.holder()}:vrij"
    posted = books.post(Transfer(FUND, purse, 30), Transfer(FUND, OUTGOING, 50))
    assert [line[:5] for line in books.lines(posted.journal_id)] == [
        (2, purse, FUND, 30, 30),
        (4, OUTGOING, FUND, 50, 50),
        (5, FUND, None, -80, 999_920),
    ]
