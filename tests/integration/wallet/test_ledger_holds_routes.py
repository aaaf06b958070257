"""Holds over HTTP: their history, who sees which, and every refusal by its name."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import FUND, Books
from tests.integration.wallet.payouts_house import House, code_of
from tests.support.callers import Callers, Client
from wallet.ledger.actions import HoldRequest, Transfer
from wallet.ledger.holds import routes as holds
from wallet.ledger.routes import router


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database)


@pytest.fixture
def api(books: Books, callers: Callers) -> FastAPI:
    return create_api(
        "wallet", database=books.database, verifier=callers.verifier("wallet"), routers=[router, holds.router]
    )


def opened(client: Client, account: str, amount: int, purpose: str = "test") -> str:
    answer = client.post("/holds", json={"account": account, "amount": amount, "purpose": purpose})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def captured(client: Client, hold: str, destination: str, amount: int) -> dict[str, Any]:
    answer = client.post(f"/holds/{hold}/captures", json={"destination": destination, "amount": amount})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def paged(client: Client, path: str, limit: int) -> list[list[dict[str, Any]]]:
    pages, cursor = [], ""
    while True:
        page = client.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}")
        assert page.status_code == 200, page.text
        pages.append(page.json()["items"])
        if page.json()["nextCursor"] is None:
            return pages
        assert 'rel="next"' in page.headers["Link"]
        cursor = f"&cursor={page.json()['nextCursor']}"


def test_a_hold_tells_its_whole_history_with_what_was_left_and_the_transfers_that_took_it(
    books: Books, burgerbudget: Client, auditor: Client
) -> None:
    vrij = f"{books.holder()}:vrij"
    hold = opened(burgerbudget, FUND, 600)
    one = captured(burgerbudget, hold, vrij, 250)
    lines = [
        {"source": FUND, "destination": vrij, "amount": amount, "asset": "EUR", "holdId": hold} for amount in (30, 20)
    ]
    both = burgerbudget.post("/transfers", json={"kind": "top-up", "transfers": lines}).json()
    burgerbudget.post(f"/holds/{hold}/releases")
    for reader in (burgerbudget, auditor):
        items = reader.get(f"/holds/{hold}/events").json()["items"]
        assert [(item["sequence"], item["kind"], item["amount"], item["remainingAfter"]) for item in items] == [
            (1, "opened", 600, 600),
            (2, "captured", 250, 350),
            (3, "captured", 50, 300),
            (4, "released", 300, 0),
        ]
        # Two transfers of one journal took from it together: the journal is named, neither of them is.
        assert [(item["journalId"], item["transferId"]) for item in items] == [
            (None, None),
            (one["id"], one["transfers"][0]["id"]),
            (both["id"], None),
            (None, None),
        ]
        assert {item["actor"] for item in items} == {"burgerbudget"}
        assert items[0]["recordedAt"].endswith("Z")
    assert auditor.get(f"/transfers/{one['transfers'][0]['id']}").json()["holdId"] == hold


def test_a_history_comes_in_order_over_any_page_length(books: Books, burgerbudget: Client, auditor: Client) -> None:
    vrij = f"{books.holder()}:vrij"
    hold = opened(burgerbudget, FUND, 100)
    for _ in range(5):
        captured(burgerbudget, hold, vrij, 10)
    for limit in (1, 2, 5, 6, 50):
        pages = paged(auditor, f"/holds/{hold}/events", limit)
        assert [item["remainingAfter"] for page in pages for item in page] == [100, 90, 80, 70, 60, 50]
        assert {len(page) for page in pages[:-1]} <= {limit}
    assert auditor.get(f"/holds/{hold}/events?cursor=nonsense").status_code == 400


def test_an_auditor_sees_every_hold_and_a_service_its_own_newest_first(
    books: Books, burgerbudget: Client, till: Client, auditor: Client
) -> None:
    purse = f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, 1_000))
    made = [
        opened(till, purse, 10, "basket"),
        opened(burgerbudget, FUND, 20, "close/2026-Q3"),
        opened(till, FUND, 30, "basket"),
        opened(till, purse, 40, "ticket"),
    ]
    till.post(f"/holds/{made[0]}/releases")

    def ids(client: Client, query: str = "") -> list[str]:
        return [item["id"] for item in client.get(f"/holds{query}").json()["items"]]

    assert ids(auditor) == made[::-1]
    assert ids(burgerbudget) == [made[1]]
    assert ids(till) == [made[3], made[2], made[0]]
    assert ids(auditor, f"?account={purse}") == [made[3], made[0]]
    assert ids(auditor, f"?account={purse}&state=open") == [made[3]]
    assert ids(till, "?purpose=basket") == [made[2], made[0]]
    assert ids(till, "?purpose=basket&state=released") == [made[0]]
    assert ids(till, "?purpose=close/2026-Q3") == ids(auditor, "?account=fund:unknown") == []
    assert auditor.get(f"/holds/{made[1]}").json()["openedBy"] == "burgerbudget"
    for limit in (1, 3, 4):
        assert [item["id"] for page in paged(auditor, "/holds", limit) for item in page] == made[::-1]
        assert [item["id"] for page in paged(till, "/holds?purpose=basket", limit) for item in page] == [
            made[2],
            made[0],
        ]
    for query in ("?cursor=nonsense", "?cursor=eyJiZWZvcmUiOiJ4In0", "?state=gone"):
        assert auditor.get(f"/holds{query}").status_code == 400


def test_a_hold_of_another_service_and_one_that_nobody_made_show_nothing(
    burgerbudget: Client, till: Client, auditor: Client
) -> None:
    hold = opened(burgerbudget, FUND, 20)
    for path in (f"/holds/{hold}", f"/holds/{hold}/events"):
        answer = till.get(path)
        assert (answer.status_code, code_of(answer)) == (403, "notYourHold")
    for unknown in (str(uuid4()), "x"):
        for path in (f"/holds/{unknown}", f"/holds/{unknown}/events"):
            answer = auditor.get(path)
            assert (answer.status_code, code_of(answer)) == (404, "unknownHold")


def test_only_services_and_auditors_read_holds(api: FastAPI, callers: Callers) -> None:
    for role in set(Role) - {Role.SERVICE, Role.AUDITOR}:
        client = callers.client(api, "wallet", role)
        for path in ("/holds", f"/holds/{uuid4()}", f"/holds/{uuid4()}/events"):
            assert client.get(path).status_code == 403, (role, path)


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"amount": 0}, 400, "malformed", "/amount"),
        ({"amount": -1}, 400, "malformed", "/amount"),
        ({"amount": 2**63}, 400, "malformed", "/amount"),
        ({"amount": "5"}, 400, "malformed", "/amount"),
        ({"purpose": ""}, 400, "malformed", "/purpose"),
        ({"expiresAt": "2026-10-01T12:00:00"}, 400, "malformed", "/expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, 409, "expiryPast", "/expiresAt"),
        ({"amount": 1_000_001}, 409, "tooLittle", ""),
        ({"account": "fund:unknown"}, 409, "unknownAccount", ""),
        ({"asset": "POINT"}, 409, "wrongAsset", ""),
    ],
)
def test_a_hold_that_cannot_be_is_refused_by_name(
    books: Books, till: Client, change: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    answer = till.post("/holds", json={"account": FUND, "amount": 5, "purpose": "test", **change})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["pointer"]) == (status, code, pointer)
    assert books.figures(FUND) == (1_000_000, 0)


def test_a_capture_that_cannot_be_is_refused_by_name(books: Books, till: Client) -> None:
    purse, other = f"{books.holder()}:vrij", f"{books.holder()}:vrij"
    books.post(Transfer(FUND, purse, 100), Transfer(FUND, other, 100))
    hold, closed = opened(till, purse, 60), opened(till, purse, 10)
    captured(till, closed, FUND, 10)

    def refusal(held: str, amount: Any, destination: str = FUND) -> tuple[int, str]:
        answer = till.post(f"/holds/{held}/captures", json={"destination": destination, "amount": amount})
        return answer.status_code, code_of(answer)

    assert refusal(hold, 61) == (409, "holdTooSmall")
    assert refusal(closed, 1) == (409, "holdNotOpen")
    assert refusal(hold, 1, purse) == (409, "sameAccount")
    assert refusal(hold, 1, "fund:unknown") == (409, "unknownAccount")
    for amount in (0, -1, 2**63, 1.5):
        assert refusal(hold, amount) == (400, "malformed")
    elsewhere = {"source": other, "destination": FUND, "amount": 1, "asset": "EUR", "holdId": hold}
    answer = till.post("/transfers", json={"kind": "use", "transfers": [elsewhere]})
    assert (answer.status_code, code_of(answer)) == (409, "holdOnOtherAccount")
    assert (books.figures(purse), books.figures(other)) == ((90, 60), (100, 0))


def test_a_person_sees_what_is_set_apart_on_their_own_purses_and_what_for(house: House) -> None:
    anna, bert = house.holder(1, vrij=1_000), house.holder(2, vrij=500)
    books = Books(house.database, deposit=0)
    first, second, of_bert = uuid4(), uuid4(), uuid4()
    books.hold(HoldRequest(first, f"holder:{anna}:vrij", 300), purpose="zwemlessen/cursus-1", actor="till")
    books.hold(HoldRequest(second, f"holder:{anna}:vrij", 50), purpose="basket", actor="till")
    books.hold(HoldRequest(of_bert, f"holder:{bert}:vrij", 70), actor="till")
    books.post(Transfer(f"holder:{anna}:vrij", FUND, 50, hold_id=second))

    herself = house.client(Role.PASS_HOLDER, "anna", holder_id=anna)
    for reader in (herself, house.caseworker, house.auditor):
        items = reader.get(f"/holders/{anna}/holds").json()["items"]
        assert [(item["id"], item["state"], item["remaining"]) for item in items] == [
            (str(second), "captured", 0),
            (str(first), "open", 300),
        ]
        # Who set it apart is not the holder's to see.
        assert set(items[0]) == {
            *("id", "purse", "asset", "amount", "remaining", "state"),
            *("purpose", "openedAt", "expiresAt", "closedAt"),
        }
    [now] = herself.get(f"/holders/{anna}/holds?state=open").json()["items"]
    assert (now["purse"], now["asset"], now["amount"], now["purpose"]) == ("vrij", "EUR", 300, "zwemlessen/cursus-1")
    [purse] = herself.get(f"/holders/{anna}/purses").json()["items"]
    assert (purse["balance"], purse["held"], purse["available"]) == (950, 300, 650)
    assert [len(page) for page in paged(herself, f"/holders/{anna}/holds", 1)] == [1, 1]
    assert herself.get(f"/holders/{bert}/holds").status_code == 404
    assert house.client(Role.FINANCE_MAKER).get(f"/holders/{anna}/holds").status_code == 403
