"""Posting: which lines are written, and every way in which a posting is refused."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from tests.integration.wallet.ledger_books import BANK, DAY, FUND, OUTGOING, Books
from wallet.ledger import refusals
from wallet.ledger.actions import HoldRequest, Transfer, open_account, open_fund_account, post


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


def test_a_top_up_of_two_holders_has_two_own_lines_and_one_line_of_the_fund(books: Books) -> None:
    one, two = books.holder(), books.holder()
    posted = books.post(
        Transfer(FUND, f"{one}:burgerbudget", 70_000, grant_key="top-up/1/2026-Q3"),
        Transfer(FUND, f"{two}:burgerbudget", 30_000, grant_key="top-up/2/2026-Q3"),
    )
    assert books.lines(posted.journal_id) == [
        (2, f"{one}:burgerbudget", FUND, 70_000, 70_000, 1, "top-up/1/2026-Q3", None),
        (4, f"{two}:burgerbudget", FUND, 30_000, 30_000, 1, "top-up/2/2026-Q3", None),
        (5, FUND, None, -100_000, 900_000, 2, None, None),
    ]
    assert posted.transfer_ids == [f"{posted.journal_id}-2", f"{posted.journal_id}-4"]


def test_use_has_a_line_on_either_purse_and_both_tell_the_reference(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 100_000))
    posted = books.post(
        Transfer(
            f"{owner}:burgerbudget", f"{owner}:vrij", 25_580, grant_key="use/1", reference="hour/1", explanation="use"
        )
    )
    assert books.lines(posted.journal_id) == [
        (1, f"{owner}:burgerbudget", f"{owner}:vrij", -25_580, 74_420, 2, None, None),
        (2, f"{owner}:vrij", f"{owner}:burgerbudget", 25_580, 25_580, 1, "use/1", None),
    ]
    told = books.rows(
        "SELECT DISTINCT reference, explanation FROM ledger.entry WHERE journal_id = :id", id=posted.journal_id
    )
    assert [tuple(row) for row in told] == [("hour/1", "use")]


def test_a_payout_names_its_grant_key_and_hold_on_the_purse_because_the_bank_line_is_shared(books: Books) -> None:
    owner, hold = books.holder(), uuid4()
    books.post(Transfer(FUND, f"{owner}:vrij", 5_000))
    books.hold(HoldRequest(hold, f"{owner}:vrij", 5_000))
    posted = books.post(Transfer(f"{owner}:vrij", OUTGOING, 5_000, grant_key="payout/1", hold_id=hold), kind="payout")
    assert books.lines(posted.journal_id) == [
        (1, f"{owner}:vrij", OUTGOING, -5_000, 0, 2, "payout/1", hold),
        (3, OUTGOING, None, 5_000, 5_000, 1, None, None),
    ]
    assert posted.transfer_ids == [f"{posted.journal_id}-1"]


def test_settlements_between_bank_accounts_keep_a_line_each_on_the_destination(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:vrij", 900))
    books.post(Transfer(f"{owner}:vrij", OUTGOING, 900))
    posted = books.post(
        Transfer(OUTGOING, BANK, 400, grant_key="settled/1"), Transfer(OUTGOING, BANK, 500, grant_key="settled/2")
    )
    assert books.lines(posted.journal_id) == [
        (2, BANK, OUTGOING, 400, -999_600, 2, "settled/1", None),
        (4, BANK, OUTGOING, 500, -999_100, 3, "settled/2", None),
        (5, OUTGOING, None, -900, 0, 2, None, None),
    ]


def test_a_merged_credit_comes_before_a_merged_debit_of_the_same_fund(books: Books) -> None:
    one, two = books.holder(), books.holder()
    books.post(Transfer(FUND, f"{one}:vrij", 1_000_000))
    posted = books.post(Transfer(FUND, f"{two}:vrij", 300), Transfer(f"{one}:vrij", FUND, 300))
    assert books.lines(posted.journal_id)[-2:] == [
        (5, FUND, None, 300, 300, 3, None, None),
        (6, FUND, None, -300, 0, 4, None, None),
    ]


def test_an_account_may_pass_on_within_one_call_what_it_got_earlier_in_it_but_not_later(books: Books) -> None:
    owner = books.holder()
    first = Transfer(FUND, f"{owner}:burgerbudget", 1_000)
    second = Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 1_000)
    with pytest.raises(refusals.TooLittle):
        books.post(second, first)
    books.post(first, second)
    assert (books.balance(f"{owner}:burgerbudget"), books.balance(f"{owner}:vrij")) == (0, 1_000)
    assert books.faults() == []


def test_too_little_names_account_transfer_available_and_asked(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:vrij", 500))
    with pytest.raises(refusals.TooLittle) as refused:
        books.post(Transfer(f"{owner}:vrij", FUND, 300), Transfer(f"{owner}:vrij", FUND, 201))
    assert (refused.value.account, refused.value.index, refused.value.available, refused.value.asked) == (
        f"{owner}:vrij",
        1,
        200,
        201,
    )
    assert refused.value.code == "tooLittle"
    assert refused.value.status == 409
    assert f"{owner}:vrij" in refused.value.message


def test_a_fund_never_pays_more_than_was_put_in(books: Books) -> None:
    one, two = books.holder(), books.holder()
    with pytest.raises(refusals.TooLittle) as refused:
        books.post(Transfer(FUND, f"{one}:vrij", 600_000), Transfer(FUND, f"{two}:vrij", 400_001))
    assert (refused.value.account, refused.value.available, refused.value.asked) == (FUND, 1_000_000, 1_000_001)
    assert books.figures(f"{one}:vrij") is None


def test_a_purse_that_nothing_was_put_in_has_too_little_and_is_not_opened(books: Books) -> None:
    owner = books.holder()
    with pytest.raises(refusals.TooLittle) as refused:
        books.post(Transfer(f"{owner}:vrij", FUND, 1))
    assert (refused.value.account, refused.value.available) == (f"{owner}:vrij", 0)
    assert books.figures(f"{owner}:vrij") is None


def test_the_burgerbudget_never_holds_more_than_a_thousand_euro(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 60_000))
    with pytest.raises(refusals.OverCeiling) as refused:
        books.post(Transfer(FUND, f"{owner}:burgerbudget", 40_001))
    assert (refused.value.available, refused.value.asked) == (40_000, 40_001)
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 40_000))


def test_nothing_is_posted_when_one_of_a_thousand_transfers_is_refused(books: Books) -> None:
    owners = [books.holder() for _ in range(3)]
    transfers = [Transfer(FUND, f"{owners[i % 3]}:vrij", 1) for i in range(999)]
    with pytest.raises(refusals.UnknownAccount) as refused:
        books.post(*transfers, Transfer(FUND, "holder:nobody:vrij", 1))
    assert refused.value.index == 999
    assert [books.figures(f"{owner}:vrij") for owner in owners] == [None, None, None]
    assert books.balance(FUND) == 1_000_000


@pytest.mark.parametrize("address", ["fund:unknown", "holder:unknown:vrij", "payable:x", "bank:other"])
def test_an_account_that_is_not_there_is_refused_by_name(books: Books, address: str) -> None:
    with pytest.raises(refusals.UnknownAccount) as refused:
        books.post(Transfer(FUND, address, 1))
    assert (refused.value.account, refused.value.index) == (address, 0)


def test_a_purse_that_the_ledger_does_not_know_is_no_account(books: Books) -> None:
    owner = books.holder()
    with pytest.raises(refusals.UnknownAccount):
        books.post(Transfer(FUND, f"{owner}:snoep", 1))


def test_an_amount_of_another_asset_is_refused(books: Books) -> None:
    owner = books.holder()
    with pytest.raises(refusals.WrongAsset) as refused:
        books.post(Transfer(FUND, f"{owner}:vrij", 1), Transfer(FUND, f"{owner}:vrij", 1, asset="POINT"))
    assert refused.value.index == 1
    with books.database.transaction() as db:
        open_fund_account(db, "punten", "Punten", "POINT", "piet")
    with pytest.raises(refusals.WrongAsset):
        books.post(Transfer("fund:punten", f"{owner}:vrij", 1, asset="POINT"))


def test_two_assets_in_one_journal_each_add_up(books: Books) -> None:
    owner = books.holder()
    with books.database.transaction() as db:
        for name in ("game:1", "game:2"):
            open_account(db, name, asset="POINT", kind="system", floor=None, ceiling=None, lock_rank=10)
    posted = books.post(Transfer("game:1", "game:2", 7, asset="POINT"), Transfer(FUND, f"{owner}:vrij", 9))
    sums = books.rows(
        "SELECT a.asset, sum(e.amount), count(*) FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id"
        " WHERE e.journal_id = :id GROUP BY a.asset ORDER BY a.asset",
        id=posted.journal_id,
    )
    assert [tuple(row) for row in sums] == [("EUR", 0, 2), ("POINT", 0, 2)]


def test_from_an_account_to_itself_is_refused(books: Books) -> None:
    with pytest.raises(refusals.SameAccount) as refused:
        books.post(Transfer(FUND, FUND, 1))
    assert refused.value.index == 0


def test_a_closed_account_takes_and_gives_nothing(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:vrij", 5))
    close = "SELECT ledger.close_account(:address)"
    with pytest.raises(DBAPIError, match="notEmpty"):
        books.rows(close, address=f"{owner}:vrij")
    books.post(Transfer(f"{owner}:vrij", FUND, 5))
    books.rows(close, address=f"{owner}:vrij")
    books.rows(close, address=f"{owner}:vrij")
    with pytest.raises(refusals.ClosedAccount) as refused:
        books.post(Transfer(FUND, f"{owner}:vrij", 5))
    assert refused.value.account == f"{owner}:vrij"


def test_a_grant_key_works_once_for_ever_and_says_so_before_anything_else(books: Books) -> None:
    owner = books.holder()
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 100_000, grant_key="start/1"))
    for again in (
        Transfer(FUND, f"{owner}:burgerbudget", 100_000, grant_key="start/1"),  # over the ceiling as well
        Transfer(FUND, f"{owner}:vrij", 10_000_000, grant_key="start/1"),  # too little as well
        Transfer(FUND, f"{owner}:vrij", 1, grant_key="start/1"),
    ):
        with pytest.raises(refusals.GrantKeyUsed) as refused:
            books.post(Transfer(FUND, f"{owner}:vrij", 1, grant_key="start/2"), again)
        assert (refused.value.details["grantKey"], refused.value.index) == ("start/1", 1)
    assert books.balance(f"{owner}:vrij") == 0


def test_a_grant_key_twice_in_one_call_is_refused(books: Books) -> None:
    owner = books.holder()
    with pytest.raises(refusals.GrantKeyUsed) as refused:
        books.post(Transfer(FUND, f"{owner}:vrij", 1, grant_key="x"), Transfer(FUND, f"{owner}:vrij", 2, grant_key="x"))
    assert (refused.value.details["grantKey"], refused.value.index) == ("x", 1)


def test_ten_thousand_transfers_are_posted_and_one_more_is_refused(books: Books) -> None:
    owner = books.holder()
    transfers = [Transfer(FUND, f"{owner}:vrij", 1, grant_key=f"many/{number}") for number in range(10_000)]
    posted = books.post(*transfers)
    assert posted.transfer_ids[-1] == f"{posted.journal_id}-20000"
    assert books.balance(f"{owner}:vrij") == 10_000
    assert books.faults() == []
    with pytest.raises(refusals.TooManyTransfers):
        books.post(*transfers, transfers[0])
    with pytest.raises(refusals.NoTransfers):
        books.post()


@pytest.mark.parametrize("amount", [0, -1, -(2**63)])
def test_an_amount_that_is_not_above_zero_is_refused(books: Books, amount: int) -> None:
    owner = books.holder()
    with pytest.raises(refusals.AmountOutOfRange) as refused:
        books.post(Transfer(FUND, f"{owner}:vrij", 1), Transfer(FUND, f"{owner}:vrij", amount))
    assert refused.value.index == 1


def test_amounts_at_the_edge_of_bigint_are_refused_and_never_overflow(books: Books) -> None:
    owner, most = books.holder(), 2**63 - 1
    with pytest.raises(refusals.SumOutOfRange):
        books.post(Transfer(BANK, f"{owner}:vrij", most), Transfer(BANK, f"{owner}:vrij", most))
    room = most - 1_000_000
    books.post(Transfer(BANK, f"{owner}:vrij", room))
    with pytest.raises(refusals.SumOutOfRange):
        books.post(Transfer(BANK, f"{owner}:vrij", 1_000_001))
    with pytest.raises(refusals.TooLittle):
        books.hold(HoldRequest(uuid4(), f"{owner}:vrij", most), HoldRequest(uuid4(), f"{owner}:vrij", most))
    with pytest.raises(refusals.SumOutOfRange):
        books.hold(HoldRequest(uuid4(), BANK, most), HoldRequest(uuid4(), BANK, most))
    assert books.balance(f"{owner}:vrij") == room


def test_lists_of_unequal_length_are_malformed(books: Books) -> None:
    call = (
        "SELECT ledger.post('x', '2026-10-01', 'a', NULL, NULL, NULL, NULL, NULL, ARRAY['fund:burgerbudget', 'x'],"
        " ARRAY['bank:outgoing'], ARRAY[1]::bigint[], ARRAY['EUR'], NULL, NULL, NULL, NULL)"
    )
    with pytest.raises(DBAPIError) as error:
        books.rows(call)
    assert isinstance(error.value.orig, psycopg.Error)
    assert error.value.orig.sqlstate == "SB400"


def test_opening_an_account_again_needs_the_same_terms(books: Books) -> None:
    with books.database.transaction() as db:
        first = open_account(db, "payable:kpn", asset="EUR", kind="payable", floor=0, ceiling=None, lock_rank=10)
    with books.database.transaction() as db:
        assert (
            open_account(db, "payable:kpn", asset="EUR", kind="payable", floor=0, ceiling=None, lock_rank=10) == first
        )
    with pytest.raises(refusals.OtherTerms), books.database.transaction() as db:
        open_account(db, "payable:kpn", asset="EUR", kind="payable", floor=None, ceiling=None, lock_rank=10)
    with pytest.raises(refusals.FundExists), books.database.transaction() as db:
        open_fund_account(db, "burgerbudget", "Nog eens", "EUR", "piet")
    with pytest.raises(refusals.Malformed), books.database.transaction() as db:
        open_account(db, "fund:x", asset="EUR", kind="payable", floor=0, ceiling=None, lock_rank=10)


def test_the_journal_keeps_who_what_and_when(books: Books) -> None:
    owner = books.holder()
    with books.database.transaction() as db:
        posted = post(
            db,
            kind="use",
            value_date=DAY,
            actor="burgerbudget",
            on_behalf_of="job",
            decision="decision/1",
            batch="close/2026-Q3",
            chunk=4,
            reason="because",
            transfers=[Transfer(FUND, f"{owner}:vrij", 1)],
        )
        kept = db.execute(
            text(
                "SELECT kind, value_date, actor, on_behalf_of, decision, batch, chunk, reason, format_version,"
                "       EXISTS (SELECT FROM ledger.unsealed u WHERE u.journal_id = j.id)"
                "  FROM ledger.journal j WHERE id = :id"
            ),
            {"id": posted.journal_id},
        ).one()
    assert tuple(kept) == ("use", DAY, "burgerbudget", "job", "decision/1", "close/2026-Q3", 4, "because", 1, True)


def test_no_two_nonces_are_the_same_and_each_has_sixteen_bytes(books: Books) -> None:
    owner = books.holder()
    books.post(*[Transfer(FUND, f"{owner}:vrij", 1) for _ in range(500)])
    count, distinct, shortest, longest = books.rows(
        "SELECT count(*), count(DISTINCT nonce), min(octet_length(nonce)), max(octet_length(nonce)) FROM ledger.entry"
    )[0]
    assert count == distinct
    assert (shortest, longest) == (16, 16)
