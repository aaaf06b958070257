"""The books as they were: by block and by value date, over closed months or not, and the verifier of both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.integration.wallet.ledger_periods import Periods
from tests.support.callers import Callers, Client
from tests.support.databases import ServiceDatabase
from wallet.audit import routes as audit_routes
from wallet.ledger import routes
from wallet.ledger.actions import Transfer

PURSE = "holder:a:leefgeld"


@pytest.fixture
def periods(wallet_db: ServiceDatabase, tmp_path: Path, today: Callable[[str], None]) -> Periods:
    """July: 1,000.00 deposited and 100.00 paid out of it (block 1). August: 30.00 spent (block 2), 20.00 (block 3).

    September: 500.00 deposited (block 4), 5.00 spent and not sealed yet. Nothing is closed.
    """
    today("2026-10-02")
    books = Books(wallet_db.database, deposit=0)
    with wallet_db.database.transaction() as db:
        db.connection().exec_driver_sql("SELECT ledger.register_owners(ARRAY['holder:a'])")
    made = Periods(books, tmp_path, today)
    books.post(Transfer(BANK, FUND, 100_000), value_date=date(2026, 7, 1))
    books.post(Transfer(FUND, PURSE, 10_000), value_date=date(2026, 7, 31))
    made.seal()
    for amount, day in ((3_000, 1), (2_000, 31)):
        books.post(Transfer(PURSE, "bank:outgoing", amount), value_date=date(2026, 8, day))
        made.seal()
    books.post(Transfer(BANK, FUND, 50_000), value_date=date(2026, 9, 1))
    assert made.seal() == 4
    books.post(Transfer(PURSE, "bank:outgoing", 500), value_date=date(2026, 9, 2))
    return made


@pytest.fixture
def api(periods: Periods, callers: Callers) -> FastAPI:
    return create_api(
        "wallet",
        database=periods.books.database,
        verifier=callers.verifier("wallet"),
        routers=[routes.router, audit_routes.router],
    )


AS_OF = ["", "asOfDate=2026-07-30", "asOfDate=2026-07-31", "asOfDate=2026-08-31", "asOfDate=2026-09-01", "asOfBlock=1"]
AS_OF += [
    "asOfBlock=2",
    "asOfBlock=3",
    "asOfBlock=4",
    "asOfBlock=3&asOfDate=2026-07-31",
    "asOfBlock=1&asOfDate=2026-09-30",
]


def test_the_trial_balance_is_the_same_before_and_after_each_close(auditor: Client, periods: Periods) -> None:
    before = {question: auditor.get(f"/trial-balance?{question}").json() for question in AS_OF}
    purse = {"address": PURSE, "debit": 3_000, "credit": 10_000, "balance": 7_000}
    assert before["asOfBlock=2"]["EUR"]["accounts"][-1] == purse
    assert (before["asOfDate=2026-08-31"]["EUR"]["debit"], before[""]["EUR"]["credit"]) == (115_000, 165_500)
    for month in ("2026-07", "2026-08", "2026-09"):
        periods.close(month)
        assert {question: auditor.get(f"/trial-balance?{question}").json() for question in AS_OF} == before
    # As of the block that a close names, its month's end is what the close has written down, for ever.
    closed = periods.books.rows("SELECT block_number FROM ledger.period_close WHERE month = '2026-08-01'")[0][0]
    assert auditor.get(f"/trial-balance?asOfBlock={closed}&asOfDate=2026-08-31").json() == before["asOfDate=2026-08-31"]


def test_an_account_as_it_was(auditor: Client, periods: Periods) -> None:
    def look(question: str) -> tuple[int, int, int]:
        shown = auditor.get(f"/accounts/{PURSE}?{question}").json()
        return shown["debit"], shown["credit"], shown["balance"]

    for _ in range(2):
        assert look("asOfDate=2026-07-30") == (0, 0, 0)
        assert look("asOfDate=2026-08-30") == (3_000, 10_000, 7_000)
        assert look("asOfDate=2026-08-31") == look("asOfBlock=4") == (5_000, 10_000, 5_000)
        assert look("asOfBlock=2&asOfDate=2026-12-31") == (3_000, 10_000, 7_000)
        assert look("asOfBlock=0") == (0, 0, 0)
        assert look("asOfDate=2026-09-02") == (5_500, 10_000, 4_500)
        assert auditor.get(f"/accounts/{PURSE}").json()["balance"] == 4_500
        for month in ("2026-07", "2026-08"):
            if not periods.books.rows(f"SELECT FROM ledger.period_close WHERE month = '{month}-01'"):
                periods.close(month)
    for address in (PURSE, "holder:b:leefgeld"):
        missing = 400 if address == PURSE else 404
        for path in (f"/accounts/{address}?asOfBlock=99", f"/accounts/{address}/transactions?asOfBlock=99"):
            assert auditor.get(path).status_code == missing
    assert auditor.get(f"/accounts/{PURSE}?asOfDate=gisteren").status_code == 400


def test_the_entries_of_an_account_as_they_were(auditor: Client) -> None:
    def amounts(question: str) -> list[int]:
        return [item["amount"] for item in auditor.get(f"/accounts/{PURSE}/transactions?{question}").json()["items"]]

    assert amounts("") == [-500, -2_000, -3_000, 10_000]
    assert amounts("asOfBlock=2") == amounts("asOfDate=2026-08-30") == [-3_000, 10_000]
    assert amounts("asOfBlock=4&asOfDate=2026-08-31") == [-2_000, -3_000, 10_000]
    assert amounts("asOfBlock=0") == []


def test_an_empty_trial_balance_and_a_long_one_are_whole(
    wallet_db: ServiceDatabase, callers: Callers, today: Callable[[str], None]
) -> None:
    today("2026-10-02")
    books = Books(wallet_db.database, deposit=0)
    made = create_api(
        "wallet", database=wallet_db.database, verifier=callers.verifier("wallet"), routers=[audit_routes.router]
    )
    auditor = callers.client(made, "wallet", Role.AUDITOR)
    assert auditor.get("/trial-balance").json() == {}
    with wallet_db.database.transaction() as db:
        db.connection().exec_driver_sql(
            "SELECT ledger.register_owners(ARRAY(SELECT 'holder:n' || n FROM generate_series(1, 1200) n))"
        )
    books.post(Transfer(BANK, FUND, 1_000_000))
    books.post(*[Transfer(FUND, f"holder:n{number}:leefgeld", number) for number in range(1, 1_201)])
    shown = auditor.get("/trial-balance").json()["EUR"]
    # 1 + 2 + … + 1,200 = 720,600.
    assert (shown["debit"], shown["credit"], shown["difference"]) == (1_720_600, 1_720_600, 0)
    addresses = [account["address"] for account in shown["accounts"]]
    assert (len(addresses), addresses) == (1_202, sorted(addresses))
    assert sum(account["balance"] for account in shown["accounts"]) == 0


def tamper(url: str, statement: str) -> None:
    """Do what only a superuser can who first switches every guard off."""
    tables = ("period_close", "period_balance", "proposal_decision", "journal", "entry")
    with psycopg.connect(url) as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
        assert connection.execute(statement).rowcount > 0
        for table in tables:
            connection.execute(f"ALTER TABLE ledger.{table} ENABLE TRIGGER ALL")


FUND_ID = "(SELECT id FROM ledger.account WHERE address = 'fund:burgerbudget')"
OF_AUGUST = f" WHERE month = '2026-08-01' AND account_id = {FUND_ID}"
NEW_JOURNAL = (
    "INSERT INTO ledger.journal (kind, value_date, recorded_at, actor, format_version)"
    " VALUES ('start', '2026-07-31', now(), 'x', 1)"
)


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        (
            "UPDATE ledger.period_balance SET credit = credit + 1, balance = balance + 1" + OF_AUGUST,
            (
                "period_balance",
                "month=2026-08, account_id={fund_burgerbudget}",
                "debit, credit and balance are 10000, 100001 and 90001",
            ),
        ),
        (
            f"DELETE FROM ledger.period_balance WHERE month = '2026-07-01' AND account_id = {FUND_ID}",
            (
                "period_balance",
                "month=2026-07, account_id={fund_burgerbudget}",
                "debit, credit and balance are 0, 0 and 0",
            ),
        ),
        (
            "INSERT INTO ledger.period_balance SELECT '2026-09-01', account_id, debit, credit, balance"
            " FROM ledger.period_balance" + OF_AUGUST,
            (
                "period_balance",
                "month=2026-09, account_id={fund_burgerbudget}",
                "debit, credit and balance are 10000, 100000 and 90000",
            ),
        ),
        (
            "UPDATE ledger.period_close SET entries = 5 WHERE month = '2026-07-01'",
            ("period_close", "month=2026-07", "it counts 2 journals, 5 entries"),
        ),
        (
            "UPDATE ledger.period_close SET sums = '{\"EUR\": 1}' WHERE month = '2026-08-01'",
            (
                "period_close",
                "month=2026-08",
                'it counts 2 journals, 4 entries and {"EUR": 1}; the books have 2, 4 and',
            ),
        ),
        (
            "UPDATE ledger.period_close SET block_number = 2 WHERE month = '2026-08-01'",
            (
                "journal",
                "id=4",
                "its value date is 2026-08-31; that month was closed under block 2, and it was sealed in",
            ),
        ),
        (
            "DELETE FROM ledger.period_close WHERE month = '2026-08-01'",
            (
                "period_balance",
                "month=2026-08, account_id={bank_current}",
                "debit, credit and balance are 100000, 0 and -100000",
            ),
        ),
    ],
    ids=["a balance", "a balance gone", "a balance too many", "a count", "a sum", "the block", "a close gone"],
)
def test_whatever_is_changed_in_a_closed_period_is_found_and_the_first_bad_row_named(
    periods: Periods, wallet_db: ServiceDatabase, statement: str, first: tuple[str, str, str]
) -> None:
    for month in ("2026-07", "2026-08"):
        periods.close(month)
    assert periods.verify(wallet_db.service_url).ok
    tamper(wallet_db.superuser_url, statement)
    found = periods.verify(wallet_db.service_url).differences[0]
    ids = {
        row.address.replace(":", "_"): row.id for row in periods.books.rows("SELECT address, id FROM ledger.account")
    }
    assert (found.table, found.key) == (first[0], first[1].format(**ids))
    assert found.what.startswith(first[2])


def test_a_close_that_is_gone_with_its_balances_and_a_journal_slipped_in_are_found(
    periods: Periods, wallet_db: ServiceDatabase
) -> None:
    periods.close("2026-07")
    tamper(wallet_db.superuser_url, NEW_JOURNAL)
    report = periods.verify(wallet_db.service_url)
    assert any(one.what.endswith("closed under block 5, and it is not sealed") for one in report.differences)
    tamper(wallet_db.superuser_url, "DELETE FROM ledger.period_close")
    tamper(wallet_db.superuser_url, "DELETE FROM ledger.period_balance")
    report = periods.verify(wallet_db.service_url)
    assert [(one.table, one.key) for one in report.differences if one.table == "period_close"] == [
        ("period_close", "month=2026-07")
    ]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("SET reversed_journal_id = 99 WHERE journal_id = 8 AND line = 1", "line 2 of journal 99, which is not there"),
        (
            "SET reversed_journal_id = 6, reversed_line = 1 WHERE journal_id IN (7, 8) AND line = 1",
            "line 1 of journal 6, of which 500 in all, with it 700",
        ),
        (
            "SET reversed_journal_id = 7, reversed_line = 1 WHERE journal_id = 8 AND line = 1",
            "line 1 of journal 7, which is a reversal itself",
        ),
    ],
)
def test_a_reversal_of_nothing_or_of_more_than_there_was_is_found(
    periods: Periods, wallet_db: ServiceDatabase, edit: str, said: str
) -> None:
    for amount in (400, 300):
        periods.books.post(Transfer(PURSE, FUND, amount), value_date=date(2026, 9, 3), kind="reversal", reverses=(2, 2))
    assert periods.verify(wallet_db.service_url).ok
    # None of it is sealed yet: the seals have nothing to say.
    tamper(wallet_db.superuser_url, f"UPDATE ledger.entry {edit}")
    differences = periods.verify(wallet_db.service_url).differences
    assert [one.what for one in differences] == [f"it takes back {said}"]
