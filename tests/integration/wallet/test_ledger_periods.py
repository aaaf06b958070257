"""Closing a month: two people, exact balances, and nothing that slips into it before, during or after."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.integration.wallet.ledger_periods import CHRIS, MIA, Periods
from tests.support.callers import Callers, Client
from tests.support.databases import ServiceDatabase
from wallet.audit import routes as audit_routes
from wallet.ledger import refusals, routes
from wallet.ledger.actions import Transfer, post, posting
from wallet.ledger.corrections import actions as corrections
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.periods import routes as period_routes

AUGUST, SEPTEMBER, LAST, OCTOBER = date(2026, 8, 15), date(2026, 9, 10), date(2026, 9, 30), date(2026, 10, 1)


@pytest.fixture
def books(wallet_database: Database, today: Callable[[str], None]) -> Books:
    today("2026-10-02")
    return Books(wallet_database, deposit=0)


@pytest.fixture
def periods(books: Books, tmp_path: Path, today: Callable[[str], None]) -> Periods:
    return Periods(books, tmp_path, today)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    return create_api(
        "wallet",
        database=books.database,
        verifier=callers.verifier("wallet"),
        routers=[routes.router, period_routes.router, audit_routes.router],
    )


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["errors"][0]["code"])


def deposit(books: Books, amount: int, day: date) -> None:
    books.post(Transfer(BANK, FUND, amount), kind="deposit", value_date=day)


def test_a_month_is_closed_by_two_people_with_its_balances_and_control_totals(
    api: FastAPI, callers: Callers, books: Books, periods: Periods, maker: Client, checker: Client, auditor: Client
) -> None:
    purse = f"{books.holder()}:leefgeld"
    deposit(books, 1_000, SEPTEMBER)
    books.post(Transfer(FUND, purse, 300), Transfer(purse, FUND, 100), value_date=LAST)
    deposit(books, 50, OCTOBER)
    block = periods.seal()

    proposed = maker.post("/periods/2026-09/closings")
    proposal = proposed.json()["id"]
    assert (proposed.status_code, proposed.json()) == (202, {"id": proposal, "state": "proposed"})
    waiting = auditor.get("/periods/2026-09").json()
    assert (waiting["state"], waiting["journals"], waiting["entries"], waiting["proposals"][0]["id"]) == (
        "open",
        2,
        None,
        proposal,
    )
    confirm = f"/periods/2026-09/closings/{proposal}/confirmations"
    assert error(callers.client(api, "wallet", Role.FINANCE_CHECKER, "mia").post(confirm)) == (403, "sameSubject")
    assert maker.post(confirm).status_code == auditor.post(confirm).status_code == 403
    assert checker.post(confirm.replace("2026-09", "2026-08")).status_code == 404
    confirmed = checker.post(confirm)
    assert confirmed.status_code == 201
    period = confirmed.json()["period"]
    assert period.pop("closedAt").endswith("Z")
    # 2 journals: a deposit of 2 lines; 2 transfers with 2 lines of their own and 2 merged on the fund.
    assert period == {
        "month": "2026-09",
        "state": "closed",
        "journals": 2,
        "entries": 6,
        "sums": {"EUR": 1_400},
        "blockNumber": block,
        "proposedBy": "mia",
        "closedBy": "chris",
    }
    balances = books.rows(
        "SELECT a.address, p.debit, p.credit, p.balance FROM ledger.period_balance p"
        " JOIN ledger.account a ON a.id = p.account_id WHERE p.month = '2026-09-01' ORDER BY a.address"
    )
    assert [tuple(row) for row in balances] == [
        (BANK, 1_000, 0, -1_000),
        (FUND, 300, 1_100, 800),
        (purse, 100, 300, 200),
    ]
    assert auditor.get("/periods/2026-09").json()["proposals"] == []
    assert error(checker.post(confirm)) == (409, "alreadyDecided")
    assert error(maker.post("/periods/2026-09/closings")) == (409, "closedAlready")


def test_why_a_month_cannot_be_closed(books: Books, periods: Periods, maker: Client, checker: Client) -> None:
    deposit(books, 1_000, SEPTEMBER)
    deposit(books, 500, AUGUST)
    earlier = maker.post("/periods/2026-09/closings")
    assert (error(earlier), earlier.json()["errors"][0]["month"]) == ((409, "earlierMonthOpen"), "2026-08")
    assert error(maker.post("/periods/2026-10/closings")) == (409, "monthNotEnded")
    for month in ("2026-13", "2026-9", "2026", "september", "0000-01", "2026-09-01"):
        assert maker.post(f"/periods/{month}/closings").status_code == 404
    proposal = maker.post("/periods/2026-08/closings", json={"reason": "klaar"}).json()["id"]
    unsealed = checker.post(f"/periods/2026-08/closings/{proposal}/confirmations")
    assert error(unsealed) == (409, "notSealed")
    periods.seal()
    assert checker.post(f"/periods/2026-08/closings/{proposal}/confirmations").status_code == 201
    # Months without journals need no closing of their own: June before a close of August, July after nothing.
    assert error(maker.post("/periods/2026-06/closings")) == (409, "closedAlready")
    periods.today("2026-09-30")
    assert error(maker.post("/periods/2026-09/closings")) == (409, "monthNotEnded")
    periods.today("2026-10-01")
    assert maker.post("/periods/2026-09/closings").status_code == 202


def test_a_rejected_closing_closes_nothing_and_a_closing_is_no_transfer(
    books: Books, periods: Periods, maker: Client, checker: Client, auditor: Client
) -> None:
    deposit(books, 1_000, SEPTEMBER)
    proposal = maker.post("/periods/2026-09/closings").json()["id"]
    assert auditor.get(f"/transfers/{proposal}").status_code == 404
    for step, body in (("confirmations", {}), ("rejections", {"reason": "x"})):
        assert checker.post(f"/transfers/{proposal}/{step}", json=body).status_code == 404
    rejected = checker.post(f"/periods/2026-09/closings/{proposal}/rejections", json={"reason": "te vroeg"})
    assert (rejected.status_code, rejected.json()["state"], rejected.json()["period"]["state"]) == (
        201,
        "rejected",
        "open",
    )
    periods.seal()
    assert error(checker.post(f"/periods/2026-09/closings/{proposal}/confirmations")) == (409, "alreadyDecided")
    for unknown in (str(uuid4()), "x"):
        assert checker.post(f"/periods/2026-09/closings/{unknown}/confirmations").status_code == 404
    deposit(books, 1, SEPTEMBER)


def test_after_its_close_nothing_is_posted_in_a_month_or_before_it_and_the_refusal_names_the_first_open_day(
    books: Books, periods: Periods, maker: Client, checker: Client, callers: Callers, api: FastAPI
) -> None:
    purse = f"{books.holder()}:leefgeld"
    deposit(books, 1_000, SEPTEMBER)
    early = {"kind": "manual", "reason": "x", "valueDate": "2026-09-30"}
    early["transfers"] = [{"source": FUND, "destination": purse, "amount": 1}]  # type: ignore[assignment]
    proposal = maker.post("/transfers", json=early).json()["id"]
    periods.close("2026-09")
    service = callers.client(api, "wallet", Role.SERVICE, "tester")
    for day in ("2026-09-30", "2026-09-01", "2026-07-04", "1999-01-01"):
        body = {"kind": "top-up", "valueDate": day, "transfers": early["transfers"]}
        refused = service.post("/transfers", json=body)
        assert (error(refused), refused.json()["errors"][0]["firstOpenDay"]) == ((409, "periodClosed"), "2026-10-01")
        assert "2026-10-01" in refused.json()["detail"]
    assert error(checker.post(f"/transfers/{proposal}/confirmations")) == (409, "periodClosed")
    assert error(maker.post("/transfers", json=early)) == (409, "periodClosed")
    assert service.post("/transfers", json=body | {"valueDate": "2026-10-01"}).status_code == 201
    assert (books.balance(purse), books.faults()) == (1, [])


def test_what_was_decided_before_a_close_and_arrives_after_it_may_be_booked_on_the_first_open_day(
    books: Books, periods: Periods, callers: Callers, api: FastAPI, auditor: Client
) -> None:
    purse = f"{books.holder()}:leefgeld"
    deposit(books, 1_000, SEPTEMBER)
    periods.close("2026-09")
    service = callers.client(api, "wallet", Role.SERVICE, "tester")
    line = {"source": FUND, "destination": purse, "amount": 1}
    for day, booked, reason in (
        ("2026-09-30", "2026-10-01", "valutadatum 2026-09-30: die maand was gesloten"),
        ("2026-10-02", "2026-10-02", None),
    ):
        body = {"kind": "top-up", "valueDate": day, "late": "firstOpenDay", "transfers": [line]}
        posted = service.post("/transfers", json=body)
        shown = auditor.get(f"/transfers/{posted.json()['transfers'][0]['id']}").json()
        assert (shown["valueDate"], shown["reason"]) == (booked, reason)


def test_a_late_correction_is_posted_in_the_open_month_and_names_the_closed_one(
    books: Books, periods: Periods, auditor: Client
) -> None:
    purse = f"{books.holder()}:leefgeld"
    deposit(books, 1_000, SEPTEMBER)
    paid = books.post(Transfer(FUND, purse, 300), value_date=SEPTEMBER).transfer_ids[0]
    periods.close("2026-09")
    with books.database.transaction() as db:
        proposal = corrections.propose_reversal(db, paid, ReversalIn(reason="fout"), MIA).id
    with books.database.transaction() as db:
        back = corrections.confirm_reversal(db, proposal, CHRIS).transfer_ids[0]
    shown = auditor.get(f"/transfers/{back}").json()
    assert (shown["valueDate"], shown["reference"]) == ("2026-10-02", f"transfer/{paid}/period/2026-09")
    assert (periods.totals(day=LAST)[purse], periods.totals()[purse]) == ((0, 300), (300, 300))


def test_periods_are_listed_newest_first_with_those_that_are_open(
    books: Books, periods: Periods, auditor: Client, callers: Callers, api: FastAPI
) -> None:
    assert auditor.get("/periods").json() == {"items": [], "nextCursor": None}
    for day in (AUGUST, SEPTEMBER, OCTOBER, date(2026, 11, 1)):
        deposit(books, 10, day)
    periods.close("2026-08")
    first = auditor.get("/periods?limit=3")
    shown = [(item["month"], item["state"], item["journals"]) for item in first.json()["items"]]
    assert shown == [("2026-11", "open", 1), ("2026-10", "open", 1), ("2026-09", "open", 1)]
    assert 'rel="next"' in first.headers["Link"]
    rest = auditor.get(f"/periods?limit=3&cursor={first.json()['nextCursor']}").json()
    assert [(item["month"], item["state"], item["closedBy"]) for item in rest["items"]] == [
        ("2026-08", "closed", "chris")
    ]
    assert auditor.get("/periods/2026-07").json()["state"] == "closed"
    assert (auditor.get("/periods/2027-01").json()["state"], auditor.get("/periods/maart").status_code) == ("open", 404)
    assert auditor.get("/periods?cursor=x").status_code == 400
    assert callers.client(api, "wallet", Role.CASEWORKER).get("/periods").status_code == 403
    for role in (Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_CHECKER, Role.SERVICE):
        assert callers.client(api, "wallet", role).post("/periods/2026-09/closings").status_code == 403


def test_a_closing_waits_for_a_posting_under_way_and_then_looks_again(books: Books, periods: Periods) -> None:
    deposit(books, 1_000, SEPTEMBER)
    periods.seal()
    proposal = periods.propose("2026-09")
    with ThreadPoolExecutor(1) as pool:
        with books.database.transaction() as db:
            post(db, kind="late", value_date=LAST, actor="tester", transfers=[Transfer(BANK, FUND, 5)])
            closing = pool.submit(periods.confirm, "2026-09", proposal)
            periods.wait_until_journal_is_waited_for()
            assert not closing.done()
        with pytest.raises(refusals.NotSealed):
            closing.result()
    periods.seal()
    periods.confirm("2026-09", proposal)
    assert books.rows("SELECT journals, sums ->> 'EUR' FROM ledger.period_close") == [(2, "1005")]


def test_a_posting_waits_for_a_closing_under_way_and_is_then_refused(books: Books, periods: Periods) -> None:
    deposit(books, 1_000, SEPTEMBER)
    periods.seal()
    proposal = periods.propose("2026-09")
    with ThreadPoolExecutor(2) as pool:
        with books.database.transaction() as db:
            posting.close_period(db, proposal, "chris", OCTOBER)
            late = pool.submit(deposit, books, 5, LAST)
            periods.wait_until_journal_is_waited_for()
            in_time = pool.submit(deposit, books, 7, OCTOBER)
        with pytest.raises(refusals.PeriodClosed):
            late.result()
        in_time.result()
    assert (books.balance(FUND), periods.totals(day=LAST)[FUND]) == (1_007, (0, 1_000))


def test_a_closing_beside_many_postings_counts_each_that_succeeded_and_no_other(
    books: Books, periods: Periods, wallet_db: ServiceDatabase
) -> None:
    deposit(books, 1_000_000, SEPTEMBER)
    purses = [f"{books.holder()}:leefgeld" for _ in range(4)]

    def spend(purse: str) -> int:
        """Post in September until that is refused; gives what was posted."""
        for number in range(60):
            try:
                books.post(Transfer(FUND, purse, 10), value_date=LAST)
            except refusals.PeriodClosed:
                return number * 10
            books.post(Transfer(FUND, purse, 1), value_date=OCTOBER)
        return 600

    with ThreadPoolExecutor(4) as pool:
        spenders = [pool.submit(spend, purse) for purse in purses]
        proposal = periods.propose("2026-09")
        while True:
            # Ends: each spender stops by itself, and then everything is sealed.
            periods.seal()
            try:
                periods.confirm("2026-09", proposal)
            except refusals.NotSealed:
                continue
            break
        posted = [spender.result() for spender in spenders]
    september = periods.totals(day=LAST)
    assert [september.get(purse, (0, 0))[1] for purse in purses] == posted
    assert september[FUND] == (sum(posted), 1_000_000)
    periods.seal()
    assert (books.faults(), periods.verify(wallet_db.service_url).differences) == ([], [])


def test_the_books_are_not_written_by_a_transaction_that_would_not_see_a_close(wallet_db: ServiceDatabase) -> None:
    books = Books(wallet_db.database)
    with psycopg.connect(wallet_db.service_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with pytest.raises(psycopg.errors.InvalidTransactionState):
            connection.execute(
                "SELECT ledger.post('x', '2026-10-01', 'x', NULL, NULL, NULL, NULL, NULL, ARRAY['bank:current'],"
                " ARRAY['fund:burgerbudget'], ARRAY[1::bigint], ARRAY['EUR'], NULL, NULL, NULL, NULL)"
            )
    assert books.balance(FUND) == 1_000_000


def test_what_closed_stays_closed_for_the_owner_too(
    books: Books, periods: Periods, wallet_owner_url: str, wallet_db: ServiceDatabase
) -> None:
    deposit(books, 1_000, SEPTEMBER)
    periods.close("2026-09")
    insert = (
        "INSERT INTO ledger.journal (kind, value_date, recorded_at, actor, format_version)"
        " VALUES ('x', '2026-09-30', now(), 'x', 1)"
    )
    with psycopg.connect(wallet_owner_url, autocommit=True) as owner:
        for statement in (
            "DELETE FROM ledger.period_close",
            "UPDATE ledger.period_balance SET balance = 0",
            "DELETE FROM ledger.period_balance",
            "TRUNCATE ledger.period_balance",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(statement)
        with pytest.raises(psycopg.Error, match="periodClosed"):
            owner.execute(insert)
    with psycopg.connect(wallet_db.superuser_url, autocommit=True) as superuser:
        # The triggers are ENABLE ALWAYS.
        superuser.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.Error, match="periodClosed"):
            superuser.execute(insert)
    with psycopg.connect(wallet_db.service_url, autocommit=True) as service:
        for table in ("period_close", "period_balance"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(f"INSERT INTO ledger.{table} SELECT * FROM ledger.{table}")


def test_a_close_carries_the_balances_of_the_one_before_on(books: Books, periods: Periods) -> None:
    purse, other = f"{books.holder()}:leefgeld", f"{books.holder()}:leefgeld"
    deposit(books, 1_000, date(2026, 6, 1))
    books.post(Transfer(FUND, purse, 300), value_date=date(2026, 6, 30))
    periods.close("2026-06")
    deposit(books, 100, SEPTEMBER)
    books.post(Transfer(purse, other, 40), value_date=LAST)
    periods.close("2026-09")
    rows = books.rows(
        "SELECT to_char(p.month, 'MM'), a.address, p.balance FROM ledger.period_balance p"
        " JOIN ledger.account a ON a.id = p.account_id ORDER BY p.month, p.balance"
    )
    assert [tuple(row) for row in rows] == [
        ("06", BANK, -1_000),
        ("06", purse, 300),
        ("06", FUND, 700),
        ("09", BANK, -1_100),
        ("09", other, 40),
        ("09", purse, 260),
        ("09", FUND, 800),
    ]
    totals = books.rows("SELECT journals, entries, sums ->> 'EUR' FROM ledger.period_close ORDER BY month")
    assert [tuple(row) for row in totals] == [(2, 4, "1300"), (2, 4, "140")]
