"""Holds: opening moves nothing but what is held, capturing takes from it, releasing gives back what remains."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from foundation.database import Database
from tests.integration.wallet.ledger_books import FUND, OUTGOING, Books
from wallet.ledger import refusals
from wallet.ledger.actions import HoldRequest, Transfer, expire_holds, open_holds, release_holds


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


def a_purse(books: Books, amount: int) -> str:
    purse = f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, amount))
    return purse


def a_hold(books: Books, account: str, amount: int) -> UUID:
    made = uuid4()
    books.hold(HoldRequest(made, account, amount))
    return made


def release(books: Books, *holds: UUID) -> None:
    with books.database.transaction() as db:
        release_holds(db, holds, "tester")


def state(books: Books, hold: UUID) -> tuple[Any, ...]:
    return tuple(
        books.rows("SELECT state, remaining, closed_at IS NOT NULL FROM ledger.hold WHERE id = :id", id=hold)[0]
    )


def history(books: Books, hold: UUID) -> list[tuple[Any, ...]]:
    rows = books.rows(
        "SELECT sequence, kind, amount, journal_id IS NOT NULL FROM ledger.hold_event"
        " WHERE hold_id = :id ORDER BY sequence",
        id=hold,
    )
    return [tuple(row) for row in rows]


def test_a_hold_is_opened_captured_in_parts_and_released_and_tells_its_history(books: Books) -> None:
    purse = a_purse(books, 1_000)
    hold = a_hold(books, purse, 600)
    assert books.figures(purse) == (1_000, 600)
    books.post(Transfer(purse, OUTGOING, 250, hold_id=hold), Transfer(purse, OUTGOING, 50, hold_id=hold))
    assert books.figures(purse) == (700, 300)
    assert state(books, hold) == ("open", 300, False)
    release(books, hold)
    assert books.figures(purse) == (700, 0)
    assert state(books, hold) == ("released", 0, True)
    assert history(books, hold) == [
        (1, "opened", 600, False),
        (2, "captured", 300, True),
        (3, "released", 300, False),
    ]
    assert books.faults() == []


def test_what_is_held_cannot_be_spent_otherwise_but_its_own_hold_can_spend_it(books: Books) -> None:
    purse = a_purse(books, 1_000)
    hold = a_hold(books, purse, 800)
    with pytest.raises(refusals.TooLittle) as refused:
        books.post(Transfer(purse, FUND, 201))
    assert refused.value.available == 200
    books.post(Transfer(purse, FUND, 200), Transfer(purse, OUTGOING, 800, hold_id=hold))
    assert books.figures(purse) == (0, 0)
    assert state(books, hold) == ("captured", 0, True)


def test_a_fund_pays_many_out_of_one_hold_in_one_line(books: Books) -> None:
    one, two = books.holder(), books.holder()
    hold = a_hold(books, FUND, 900_000)
    with pytest.raises(refusals.TooLittle):
        books.post(Transfer(FUND, f"{one}:vrij", 100_001))
    books.post(
        Transfer(FUND, f"{one}:vrij", 300_000, hold_id=hold),
        Transfer(FUND, f"{two}:vrij", 600_000, hold_id=hold),
        Transfer(FUND, f"{two}:vrij", 100_000),
    )
    assert books.figures(FUND) == (0, 0)
    assert state(books, hold) == ("captured", 0, True)
    assert books.faults() == []


def test_more_than_a_hold_has_is_refused_and_nothing_is_captured(books: Books) -> None:
    purse = a_purse(books, 1_000)
    hold = a_hold(books, purse, 600)
    with pytest.raises(refusals.HoldTooSmall) as refused:
        books.post(Transfer(purse, OUTGOING, 400, hold_id=hold), Transfer(purse, OUTGOING, 201, hold_id=hold))
    assert (refused.value.index, refused.value.available, refused.value.asked) == (1, 600, 601)
    assert state(books, hold) == ("open", 600, False)
    assert history(books, hold) == [(1, "opened", 600, False)]


def test_a_hold_that_is_closed_unknown_or_on_another_account_captures_nothing(books: Books) -> None:
    purse, other = a_purse(books, 1_000), a_purse(books, 1_000)
    closed, elsewhere = a_hold(books, purse, 100), a_hold(books, other, 100)
    release(books, closed)
    for hold, refusal in (
        (closed, refusals.HoldNotOpen),
        (uuid4(), refusals.HoldNotOpen),
        (elsewhere, refusals.HoldOnOtherAccount),
    ):
        with pytest.raises(refusal):
            books.post(Transfer(purse, OUTGOING, 1, hold_id=hold))
    assert (books.figures(purse), books.figures(other)) == ((1_000, 0), (1_000, 100))


def test_releasing_again_changes_nothing_and_an_unknown_hold_is_told(books: Books) -> None:
    purse = a_purse(books, 1_000)
    hold = a_hold(books, purse, 100)
    release(books, hold, hold)
    release(books, hold)
    assert [kind for _, kind, _, _ in history(books, hold)] == ["opened", "released"]
    with pytest.raises(refusals.UnknownHold):
        release(books, hold, uuid4())


def test_holds_are_opened_all_or_none(books: Books) -> None:
    one, two = a_purse(books, 1_000), a_purse(books, 500)
    with pytest.raises(refusals.TooLittle) as refused:
        books.hold(HoldRequest(uuid4(), one, 700), HoldRequest(uuid4(), two, 300), HoldRequest(uuid4(), two, 201))
    assert (refused.value.account, refused.value.index, refused.value.available) == (two, 2, 200)
    assert (books.figures(one), books.figures(two)) == ((1_000, 0), (500, 0))


def test_a_hold_needs_an_account_of_its_asset_with_money_and_an_id_of_its_own(books: Books) -> None:
    purse, empty = a_purse(books, 1_000), f"{books.holder()}:vrij"
    hold = a_hold(books, purse, 1)
    with pytest.raises(refusals.HoldExists):
        books.hold(HoldRequest(uuid4(), purse, 1), HoldRequest(hold, purse, 1))
    with pytest.raises(refusals.WrongAsset):
        books.hold(HoldRequest(uuid4(), purse, 1, "POINT"))
    with pytest.raises(refusals.UnknownAccount):
        books.hold(HoldRequest(uuid4(), "fund:unknown", 1))
    with pytest.raises(refusals.TooLittle):
        books.hold(HoldRequest(uuid4(), empty, 1))
    with pytest.raises(refusals.AmountOutOfRange):
        books.hold(HoldRequest(uuid4(), purse, 0))
    assert books.figures(purse) == (1_000, 1)


def test_a_hold_whose_time_is_past_stays_until_its_expiry_is_written(books: Books) -> None:
    purse, now = a_purse(books, 1_000), datetime.now(UTC)
    past, later, never = uuid4(), uuid4(), uuid4()
    with books.database.transaction() as db:
        open_holds(db, [HoldRequest(past, purse, 100)], "test", "tester", now - timedelta(minutes=1))
        open_holds(db, [HoldRequest(later, purse, 100)], "test", "tester", now + timedelta(hours=1))
        open_holds(db, [HoldRequest(never, purse, 100)], "test", "tester")
    books.post(Transfer(purse, OUTGOING, 10, hold_id=past))
    with books.database.transaction() as db:
        assert expire_holds(db, now, 100, "sweeper") == 1
    assert state(books, past) == ("expired", 0, True)
    assert history(books, past)[-1] == (3, "expired", 90, False)
    assert books.figures(purse) == (990, 200)


def test_a_hold_whose_time_is_past_can_be_captured_until_its_expiry_is_written_and_not_after(books: Books) -> None:
    purse, now = a_purse(books, 1_000), datetime.now(UTC)
    hold = uuid4()
    with books.database.transaction() as db:
        open_holds(db, [HoldRequest(hold, purse, 100)], "test", "tester", now - timedelta(hours=1))
    books.post(Transfer(purse, OUTGOING, 60, hold_id=hold))
    with books.database.transaction() as db:
        assert expire_holds(db, now, 100, "sweeper") == 1
    with pytest.raises(refusals.HoldNotOpen):
        books.post(Transfer(purse, OUTGOING, 1, hold_id=hold))
    # 100 set apart, 60 captured late, 40 given back: 940 are left and nothing is held.
    assert [(kind, amount) for _, kind, amount, _ in history(books, hold)] == [
        ("opened", 100),
        ("captured", 60),
        ("expired", 40),
    ]
    assert books.figures(purse) == (940, 0)
