"""Many balances at once: in the order asked, of one's own scheme, also of what is not opened yet."""

from __future__ import annotations

from uuid import uuid4

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.gateway.running import Running
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.integration.wallet.test_ledger_holds_routes import code_of
from tests.support.callers import Callers, Client
from wallet.ledger.actions import HoldRequest, Transfer, register_owners
from wallet.ledger.balances.routes import router
from wallet_contract import accounts
from wallet_contract.client import WalletClient
from wallet_contract.messages import MAX_BALANCES


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    return create_api("wallet", database=books.database, verifier=callers.verifier("wallet"), routers=[router])


@pytest.fixture
def belkosten(api: FastAPI, callers: Callers) -> Client:
    return callers.service_client(api, "wallet", "belkosten")


def test_balances_come_in_the_order_asked_each_as_often_as_it_was(books: Books, belkosten: Client) -> None:
    owner = books.holder()
    purse, clearing = f"{owner}:belkosten", accounts.clearing("belkosten")
    books.post(Transfer(FUND, purse, 1_000), Transfer(FUND, clearing, 70))
    books.hold(HoldRequest(uuid4(), purse, 300))
    answer = belkosten.get("/balances", params={"account": [purse, clearing, purse]})
    assert answer.status_code == 200, answer.text
    of_purse = {"account": purse, "asset": "EUR", "balance": 1_000, "held": 300, "available": 700}
    of_clearing = {"account": clearing, "asset": "EUR", "balance": 70, "held": 0, "available": 70}
    assert answer.json() == {"items": [of_purse, of_clearing, of_purse]}


def test_nothing_stands_on_what_is_not_opened_yet_in_the_asset_that_it_will_have(books: Books, auditor: Client) -> None:
    owner = books.holder()
    with books.database.transaction() as db:
        register_owners(db, ["payable:swim-1"])
    asked = [f"{owner}:belkosten", f"{owner}:zwemlessen", "payable:swim-1:punten", f"{owner}:snoep", "fund:belkosten"]
    items = auditor.get("/balances", params={"account": asked}).json()["items"]
    assert [(item["account"], item["asset"]) for item in items] == list(
        zip(asked, ["EUR", "LESSON", "POINT", None, None], strict=True)
    )
    assert {(item["balance"], item["held"], item["available"]) for item in items} == {(0, 0, 0)}


def test_an_account_without_a_floor_has_no_end_of_what_is_available(books: Books, auditor: Client) -> None:
    [item] = auditor.get("/balances", params={"account": BANK}).json()["items"]
    assert item == {"account": BANK, "asset": "EUR", "balance": -1_000_000, "held": 0, "available": None}


def test_a_service_asks_within_its_scheme_only(books: Books, belkosten: Client, till: Client) -> None:
    own, other = f"{books.holder()}:belkosten", f"{books.holder()}:vrij"
    for outside in (other, FUND, BANK, "clearing:sociaal-krediet", "lent:belkosten"):
        answer = belkosten.get("/balances", params={"account": [own, outside]})
        assert (answer.status_code, code_of(answer)) == (403, "outsideScope")
        assert outside in answer.json()["detail"]
    # The service of a local installation tries things out.
    assert till.get("/balances", params={"account": [own, other]}).status_code == 200


def test_none_too_many_and_what_is_no_address_are_malformed(belkosten: Client) -> None:
    assert belkosten.get("/balances").status_code == 400
    for asked in ([f"holder:{number}:belkosten" for number in range(201)], ["vrij"], ["holder:é:belkosten"], [""]):
        answer = belkosten.get("/balances", params={"account": asked})
        assert (answer.status_code, code_of(answer)) == (400, "malformed")


def test_nobody_else_asks_for_balances(api: FastAPI, callers: Callers) -> None:
    for role in set(Role) - {Role.SERVICE, Role.AUDITOR}:
        assert callers.client(api, "wallet", role).get("/balances", params={"account": FUND}).status_code == 403


def test_two_hundred_addresses_fit_in_one_question_over_a_real_connection(
    books: Books, api: FastAPI, callers: Callers
) -> None:
    asked = [f"holder:{uuid4()}:belkosten" for _ in range(MAX_BALANCES - 1)] + [f"{books.holder()}:belkosten"]
    books.post(Transfer(FUND, asked[-1], 5))
    server = Running(api)
    client = WalletClient(server.url, callers.signers["belkosten"])
    try:
        found = client.balances(asked)
    finally:
        client.close()
        server.stop()
    assert [item["account"] for item in found] == asked
    assert [item["balance"] for item in found] == [0] * (MAX_BALANCES - 1) + [5]
