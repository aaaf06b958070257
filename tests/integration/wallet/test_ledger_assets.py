"""Everything that is counted: purses in every asset, funds that are filled by issuing, and what providers are owed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.integration.wallet.payouts_house import code_of
from tests.support.callers import Callers, Client
from wallet.ledger import refusals
from wallet.ledger.actions import Transfer, open_fund_account, register_owners
from wallet.ledger.payables import routes as payables
from wallet.ledger.routes import router

ASSETS = ("EUR", "SECOND", "POINT", "LESSON", "PIECE")
CREDITS = [
    ("zwemlessen", "LESSON"),
    ("fiets", "PIECE"),
    ("menstruatieproducten", "PIECE"),
    ("punten", "POINT"),
    ("meedoen", "EUR"),
    ("belkosten", "EUR"),
    ("leefgeld", "EUR"),
    ("krediet", "EUR"),
]


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    return create_api(
        "wallet", database=books.database, verifier=callers.verifier("wallet"), routers=[router, payables.router]
    )


def open_fund(books: Books, code: str, asset: str, amount: int) -> str:
    with books.database.transaction() as db:
        open_fund_account(db, code, code, asset, "piet")
    books.post(Transfer(BANK if asset == "EUR" else f"issue:{asset}", f"fund:{code}", amount, asset))
    return f"fund:{code}"


def test_between_two_accounts_of_one_asset_all_moves_and_between_two_assets_nothing(books: Books) -> None:
    one = {asset: open_fund(books, f"one-{asset.lower()}", asset, 100) for asset in ASSETS}
    other = {asset: open_fund(books, f"other-{asset.lower()}", asset, 100) for asset in ASSETS}
    for source, destination in product(ASSETS, ASSETS):
        for named in {source, destination}:
            if source == destination:
                books.post(Transfer(one[source], other[destination], 30, named))
            else:
                with pytest.raises(refusals.WrongAsset):
                    books.post(Transfer(one[source], other[destination], 30, named))
    assert {books.balance(fund) for fund in one.values()} == {70}
    assert {books.balance(fund) for fund in other.values()} == {130}
    assert books.faults() == []


@pytest.mark.parametrize(("purse", "asset"), CREDITS)
def test_a_credit_goes_from_its_fund_to_a_person_and_on_to_a_provider_in_its_own_unit(
    books: Books, purse: str, asset: str
) -> None:
    person, provider = books.holder(), "payable:swim-1"
    with books.database.transaction() as db:
        register_owners(db, [provider])
    fund = open_fund(books, "credits", asset, 40)
    books.post(Transfer(fund, f"{person}:{purse}", 40, asset))
    books.post(Transfer(f"{person}:{purse}", f"{provider}:{purse}", 6, asset))
    # A cancelled purchase goes back on the same credit.
    books.post(Transfer(f"{provider}:{purse}", f"{person}:{purse}", 1, asset))
    assert (books.balance(fund), books.balance(f"{person}:{purse}"), books.balance(f"{provider}:{purse}")) == (0, 35, 5)
    with pytest.raises(refusals.TooLittle):
        books.post(Transfer(f"{provider}:{purse}", f"{person}:{purse}", 6, asset))
    kinds = books.rows(
        "SELECT a.kind, a.purse, a.asset, b.floor, b.ceiling FROM ledger.account a"
        "  JOIN ledger.balance b ON b.account_id = a.id WHERE a.address = :address",
        address=f"{provider}:{purse}",
    )
    assert [tuple(row) for row in kinds] == [("payable", None, asset, 0, None)]
    assert books.faults() == []


def test_what_a_provider_is_owed_opens_for_a_registered_provider_and_a_known_purse_only(books: Books) -> None:
    with books.database.transaction() as db:
        register_owners(db, ["payable:shop"])
    for address in ("payable:other:meedoen", "payable:shop:snoep", "payable:shop"):
        with pytest.raises(refusals.UnknownAccount):
            books.post(Transfer(FUND, address, 1))
    with pytest.raises(refusals.WrongAsset):
        books.post(Transfer(FUND, "payable:shop:zwemlessen", 1))
    with pytest.raises(refusals.TooLittle):
        books.post(Transfer("payable:shop:meedoen", FUND, 1))


def test_a_payable_that_eight_credit_at_once_for_the_first_time_is_one(books: Books) -> None:
    with books.database.transaction() as db:
        register_owners(db, ["payable:shop"])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: books.post(Transfer(FUND, "payable:shop:meedoen", 5)), range(8)))
    assert books.balance("payable:shop:meedoen") == 40
    assert books.faults() == []


def test_a_fund_of_lessons_is_filled_by_two_people_from_what_is_issued(
    books: Books, maker: Client, checker: Client, callers: Callers, api: FastAPI
) -> None:
    made = maker.post("/funds", json={"code": "dordtpas-lessen", "name": "Zwemlessen", "asset": "LESSON"})
    assert (made.status_code, made.json()["asset"], made.json()["balance"]) == (201, "LESSON", 0)
    body = {"amount": 40, "reference": "raad/2026-12", "reason": "begroting"}
    proposal = maker.post("/funds/dordtpas-lessen/deposits", json=body).json()["id"]
    address = f"/funds/dordtpas-lessen/deposits/{proposal}/confirmations"
    same = callers.client(api, "wallet", Role.FINANCE_CHECKER, "mia").post(address)
    assert (same.status_code, code_of(same)) == (403, "sameSubject")
    assert books.balance("issue:LESSON") == 0
    confirmed = checker.post(address)
    assert confirmed.status_code == 201
    # 40 lessons came into being: 40 in the fund, and as many below 0 where they were issued.
    assert (books.balance("fund:dordtpas-lessen"), books.balance("issue:LESSON")) == (40, -40)
    assert books.balance(BANK) == -1_000_000
    [transfer] = confirmed.json()["transfers"]
    told = callers.client(api, "wallet", Role.AUDITOR).get(f"/transfers/{transfer['id']}").json()
    assert (told["source"], told["destination"], told["asset"], told["amount"], told["kind"]) == (
        *("issue:LESSON", "fund:dordtpas-lessen", "LESSON", 40),
        "deposit",
    )


def test_what_is_issued_is_one_account_for_all_funds_of_its_asset_and_money_is_never_issued(
    books: Books, maker: Client
) -> None:
    for code, asset in (("a", "POINT"), ("b", "POINT"), ("c", "PIECE"), ("d", "EUR")):
        assert maker.post("/funds", json={"code": code, "name": code, "asset": asset}).status_code == 201
    rows = books.rows("SELECT address, kind FROM ledger.account WHERE address LIKE 'issue:%' ORDER BY address")
    assert [tuple(row) for row in rows] == [("issue:PIECE", "system"), ("issue:POINT", "system")]


def test_a_provider_is_registered_by_services_that_owe_providers_and_again_is_no_change(
    books: Books, api: FastAPI, callers: Callers, till: Client, maker: Client
) -> None:
    for _ in range(2):
        answer = till.post("/payables", json={"provider": "swim-1"})
        assert answer.status_code == 201
        assert answer.json() == {"provider": "swim-1", "owner": "payable:swim-1"}
    burgerbudget = callers.service_client(api, "wallet", "burgerbudget").post("/payables", json={"provider": "x"})
    assert (burgerbudget.status_code, code_of(burgerbudget)) == (403, "outsideScope")
    assert maker.post("/payables", json={"provider": "x"}).status_code == 403
    for wrong in ("", "a:b", "a b", "é", "x" * 61):
        assert till.post("/payables", json={"provider": wrong}).status_code == 400
    owners: list[Any] = list(books.rows("SELECT owner FROM ledger.owner WHERE owner LIKE 'payable:%'"))
    assert [row.owner for row in owners] == ["payable:swim-1"]
