"""The ledger over HTTP: who may, what comes back, and what is refused with which code."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.integration.wallet.ledger_books import BANK, FUND, Books
from tests.support.callers import Callers, Client
from wallet.ledger.actions import Transfer
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


def transfer(source: str, destination: str, amount: Any, **more: Any) -> dict[str, Any]:
    return {"source": source, "destination": destination, "amount": amount, "asset": "EUR", **more}


def code(answer: Any) -> str:
    return str(answer.json()["errors"][0]["code"])


def pointer(answer: Any) -> str:
    return str(answer.json()["errors"][0]["pointer"])


def test_a_service_posts_at_once_and_the_same_request_again_gives_the_same_answer(
    books: Books, burgerbudget: Client
) -> None:
    owner = books.holder()
    body = {
        "kind": "start",
        "valueDate": "2026-10-01",
        "decision": "decision/1",
        "transfers": [transfer(FUND, f"{owner}:burgerbudget", 100_000, grantKey="start/1", reference="participant/1")],
    }
    first = burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": "one"})
    again = burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": "one"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json() == {"id": "2", "transfers": [{"id": "2-2"}]}
    assert (first.headers.get("Idempotency-Hit"), again.headers.get("Idempotency-Hit")) == (None, "true")
    other_key = burgerbudget.post("/transfers", json=body)
    assert (other_key.status_code, code(other_key)) == (409, "grantKeyUsed")
    assert books.balance(f"{owner}:burgerbudget") == 100_000


def test_too_little_is_409_naming_the_account_and_pointing_at_the_transfer(books: Books, burgerbudget: Client) -> None:
    owner = books.holder()
    body = {"kind": "use", "transfers": [transfer(FUND, f"{owner}:vrij", 5), transfer(f"{owner}:vrij", FUND, 6)]}
    answer = burgerbudget.post("/transfers", json=body)
    assert (answer.status_code, code(answer), pointer(answer)) == (409, "tooLittle", "/transfers/1")
    assert f"{owner}:vrij" in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_malformed_amount_is_400_with_the_way_to_it(books: Books, burgerbudget: Client) -> None:
    good = transfer(FUND, f"{books.holder()}:vrij", 5)
    for amount in (0, -5, 1.5, "5", True, 10**18):
        answer = burgerbudget.post("/transfers", json={"kind": "use", "transfers": [good, good | {"amount": amount}]})
        assert (answer.status_code, pointer(answer)) == (400, "/transfers/1/amount")


def test_no_transfers_and_ten_thousand_and_one_are_400(books: Books, burgerbudget: Client) -> None:
    good = transfer(FUND, f"{books.holder()}:vrij", 1)
    for count, expected in ((0, "noTransfers"), (10_001, "tooManyTransfers")):
        answer = burgerbudget.post("/transfers", json={"kind": "use", "transfers": [good] * count})
        assert (answer.status_code, code(answer)) == (400, expected)
    assert burgerbudget.post("/transfers", json={"kind": "use", "transfers": [good] * 10_000}).status_code == 201


def test_a_grant_key_twice_in_one_request_is_refused_with_both_places_and_nothing_is_posted(
    books: Books, burgerbudget: Client
) -> None:
    purses = [f"{books.holder()}:vrij" for _ in range(3)]
    asked = [transfer(FUND, purse, 1, grantKey=key) for purse, key in zip(purses, ("a/1", "a/2", "a/1"), strict=True)]
    refused = burgerbudget.post("/transfers", json={"kind": "use", "transfers": asked})
    assert (refused.status_code, code(refused), pointer(refused)) == (409, "grantKeyUsed", "/transfers/2")
    assert "a/1" in refused.json()["detail"] and "/transfers/0" in refused.json()["detail"]
    assert [books.balance(purse) for purse in purses] == [0, 0, 0]


def test_a_service_stays_within_its_scheme(books: Books, burgerbudget: Client) -> None:
    owner = books.holder()
    for body, expected in (
        ({"kind": "use", "transfers": [transfer(FUND, f"{owner}:belkosten", 1)]}, "outsideScope"),
        ({"kind": "use", "transfers": [transfer(BANK, FUND, 1)]}, "outsideScope"),
        ({"kind": "deposit", "transfers": [transfer(FUND, f"{owner}:vrij", 1)]}, "kindNotAllowed"),
        ({"kind": "manual", "transfers": [transfer(FUND, f"{owner}:vrij", 1)]}, "kindNotAllowed"),
    ):
        answer = burgerbudget.post("/transfers", json=body)
        assert (answer.status_code, code(answer)) == (403, expected)
    assert books.balance(FUND) == 1_000_000


def test_without_key_without_token_and_with_the_wrong_role_nothing_happens(
    api: FastAPI, books: Books, burgerbudget: Client, auditor: Client
) -> None:
    body = {"kind": "use", "transfers": [transfer(FUND, f"{books.holder()}:vrij", 1)]}
    assert burgerbudget.post("/transfers", json=body, headers={"Idempotency-Key": ""}).status_code == 400
    assert auditor.post("/transfers", json=body).status_code == 403
    bare = Client(api, base_url="http://test/api/wallet/v1", raise_server_exceptions=False)
    assert bare.post("/transfers", json=body).status_code == 401
    assert books.balance(FUND) == 1_000_000


def test_a_manual_transfer_is_proposed_by_one_and_confirmed_by_another(
    api: FastAPI, callers: Callers, books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    owner = books.holder()
    body = {"kind": "manual", "reason": "vergoeding", "transfers": [transfer(FUND, f"{owner}:leefgeld", 2_500)]}
    proposed = maker.post("/transfers", json=body)
    assert proposed.status_code == 202
    proposal = proposed.json()["id"]
    assert proposed.json() == {"id": proposal, "state": "proposed"}
    assert books.balance(f"{owner}:leefgeld") == 0
    same = callers.client(api, "wallet", Role.FINANCE_CHECKER, "mia").post(f"/transfers/{proposal}/confirmations")
    assert (same.status_code, code(same)) == (403, "sameSubject")
    assert maker.post(f"/transfers/{proposal}/confirmations").status_code == 403

    confirmed = checker.post(f"/transfers/{proposal}/confirmations", json={})
    assert confirmed.status_code == 201
    journal = confirmed.json()["journalId"]
    assert confirmed.json() == {
        "id": proposal,
        "state": "confirmed",
        "journalId": journal,
        "transfers": [{"id": f"{journal}-2"}],
    }
    assert books.balance(f"{owner}:leefgeld") == 2_500
    for step in ("confirmations", "rejections"):
        again = checker.post(f"/transfers/{proposal}/{step}", json={"reason": "x"} if step == "rejections" else {})
        assert (again.status_code, code(again)) == (409, "alreadyDecided")
    seen = auditor.get(f"/transfers/{journal}-2").json()
    assert (seen["actor"], seen["onBehalfOf"], seen["reason"], seen["decision"]) == (
        "chris",
        "mia",
        "vergoeding",
        f"proposal/{proposal}",
    )
    told = auditor.get(f"/transfers/{proposal}").json()
    assert (told["state"], told["proposedBy"], told["decidedBy"], told["journalId"]) == (
        "confirmed",
        "mia",
        "chris",
        journal,
    )


def test_a_rejected_proposal_posts_nothing_and_needs_a_reason(books: Books, maker: Client, checker: Client) -> None:
    owner = books.holder()
    body = {"kind": "manual", "reason": "proef", "transfers": [transfer(FUND, f"{owner}:leefgeld", 1)]}
    proposal = maker.post("/transfers", json=body).json()["id"]
    assert checker.post(f"/transfers/{proposal}/rejections", json={}).status_code == 400
    rejected = checker.post(f"/transfers/{proposal}/rejections", json={"reason": "te vroeg"})
    assert (rejected.status_code, rejected.json()["state"]) == (201, "rejected")
    assert checker.post(f"/transfers/{proposal}/confirmations").status_code == 409
    assert books.balance(f"{owner}:leefgeld") == 0
    unknown = checker.post(f"/transfers/{uuid4()}/confirmations")
    assert unknown.status_code == checker.post("/transfers/12-2/confirmations").status_code == 404


def test_a_manual_transfer_needs_a_reason_a_free_kind_and_no_hold(books: Books, maker: Client) -> None:
    line = transfer(FUND, f"{books.holder()}:vrij", 1)
    for change, status, expected in (
        ({}, 400, "reasonMissing"),
        ({"reason": "x", "kind": "payout"}, 403, "kindNotAllowed"),
        ({"reason": "x", "transfers": [line | {"holdId": str(uuid4())}]}, 403, "holdByHand"),
    ):
        answer = maker.post("/transfers", json={"kind": "manual", "transfers": [line], **change})
        assert (answer.status_code, code(answer)) == (status, expected)


def test_nobody_takes_back_a_burgerbudget_or_a_vrij_that_it_filled(
    books: Books, maker: Client, checker: Client
) -> None:
    owner, other = books.holder(), books.holder()
    books.post(Transfer(FUND, f"{owner}:burgerbudget", 1_000), Transfer(FUND, f"{other}:vrij", 1_000))
    books.post(Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 300))

    def propose(source: str) -> Any:
        return maker.post(
            "/transfers", json={"kind": "manual", "reason": "x", "transfers": [transfer(source, FUND, 1)]}
        )

    for source in (f"{owner}:burgerbudget", f"{owner}:vrij"):
        answer = propose(source)
        assert (answer.status_code, code(answer), pointer(answer)) == (409, "protectedPurse", "/transfers/0/source")
    # A vrij that burgerbudget never filled may be corrected, until it is filled after all.
    proposal = propose(f"{other}:vrij").json()["id"]
    books.post(Transfer(FUND, f"{other}:burgerbudget", 1_000))
    books.post(Transfer(f"{other}:burgerbudget", f"{other}:vrij", 300))
    late = checker.post(f"/transfers/{proposal}/confirmations")
    assert (late.status_code, code(late)) == (409, "protectedPurse")
    assert books.balance(f"{other}:vrij") == 1_300


def test_a_fund_is_opened_filled_by_two_people_and_seen(
    books: Books, maker: Client, checker: Client, auditor: Client
) -> None:
    made = maker.post("/funds", json={"code": "belkosten", "name": "Belkosten 2026", "asset": "EUR"})
    assert made.status_code == 201
    again = maker.post("/funds", json={"code": "belkosten", "name": "Nog eens", "asset": "EUR"})
    assert (again.status_code, code(again)) == (409, "fundExists")
    deposit = maker.post(
        "/funds/belkosten/deposits", json={"amount": 100_000_000, "reference": "raad/2026-12", "reason": "begroting"}
    )
    assert deposit.status_code == 202
    proposal = deposit.json()["id"]
    assert checker.post(f"/funds/burgerbudget/deposits/{proposal}/confirmations").status_code == 404
    assert checker.post(f"/transfers/{proposal}/confirmations").status_code == 404
    confirmed = checker.post(f"/funds/belkosten/deposits/{proposal}/confirmations")
    assert (confirmed.status_code, confirmed.json()["state"]) == (201, "confirmed")
    for reader in (maker, checker, auditor):
        assert reader.get("/funds/belkosten").json() == {
            "code": "belkosten",
            "name": "Belkosten 2026",
            "address": "fund:belkosten",
            "asset": "EUR",
            "balance": 100_000_000,
            "held": 0,
            "available": 100_000_000,
        }
    assert auditor.get("/funds/geheim").status_code == 404
    assert maker.post("/funds/geheim/deposits", json={"amount": 1, "reference": "x", "reason": "x"}).status_code == 404
    assert books.balance(BANK) == -101_000_000


def test_a_hold_is_opened_captured_in_part_and_released_by_its_service_only(
    api: FastAPI, callers: Callers, books: Books, burgerbudget: Client, auditor: Client
) -> None:
    owner = books.holder()
    opened = burgerbudget.post(
        "/holds", json={"account": FUND, "amount": 500, "asset": "EUR", "purpose": "close/2026-Q3"}
    )
    assert opened.status_code == 201
    hold = opened.json()["id"]
    assert (opened.json()["state"], opened.json()["remaining"]) == ("open", 500)
    line = transfer(FUND, f"{owner}:vrij", 100, holdId=hold)
    assert burgerbudget.post("/transfers", json={"kind": "top-up", "transfers": [line]}).status_code == 201
    captured = burgerbudget.post(f"/holds/{hold}/captures", json={"destination": f"{owner}:vrij", "amount": 150})
    assert (captured.status_code, captured.json()["hold"]["remaining"]) == (201, 250)
    too_much = burgerbudget.post(f"/holds/{hold}/captures", json={"destination": f"{owner}:vrij", "amount": 251})
    assert (too_much.status_code, code(too_much)) == (409, "holdTooSmall")
    away = burgerbudget.post(f"/holds/{hold}/captures", json={"destination": BANK, "amount": 1})
    assert (away.status_code, code(away)) == (403, "outsideScope")

    stranger = callers.client(api, "wallet", Role.SERVICE, "someone")
    for step, body in (("captures", {"destination": f"{owner}:vrij", "amount": 1}), ("releases", {})):
        answer = stranger.post(f"/holds/{hold}/{step}", json=body)
        assert (answer.status_code, code(answer)) == (403, "notYourHold")
    assert stranger.post("/transfers", json={"kind": "top-up", "transfers": [line]}).status_code == 403
    released = burgerbudget.post(f"/holds/{hold}/releases", json={})
    assert (released.status_code, released.json()["state"]) == (201, "released")
    assert burgerbudget.post(f"/holds/{hold}/releases").json()["state"] == "released"
    assert auditor.get(f"/holds/{hold}").json()["amount"] == 500
    for unknown in (str(uuid4()), "x"):
        assert burgerbudget.post(f"/holds/{unknown}/releases").status_code == 404
    assert (books.figures(FUND), books.balance(f"{owner}:vrij")) == ((999_750, 0), 250)


def test_an_auditor_pages_through_accounts_and_through_one_accounts_entries(books: Books, auditor: Client) -> None:
    owners = sorted(books.holder() for _ in range(3))
    for day in (1, 2, 3):
        books.post(
            *[Transfer(FUND, f"{owner}:vrij", day) for owner in owners], value_date=f"2026-10-0{day}", kind="top-up"
        )
    pages, cursor = [], ""
    while True:
        page = auditor.get(f"/accounts?prefix=holder:&limit=2{cursor}")
        pages.append([(item["address"], item["balance"]) for item in page.json()["items"]])
        if not page.json().get("nextCursor"):
            break
        cursor = f"&cursor={page.json()['nextCursor']}"
        assert 'rel="next"' in page.headers["Link"]
    assert pages == [[(f"{owners[0]}:vrij", 6), (f"{owners[1]}:vrij", 6)], [(f"{owners[2]}:vrij", 6)]]
    assert auditor.get("/accounts?prefix=holder:&cursor=nonsense").status_code == 400

    account = auditor.get(f"/accounts/{FUND}").json()
    assert (account["balance"], account["available"], account["entries"]) == (999_982, 999_982, 4)
    assert auditor.get("/accounts/fund:nobody").status_code == 404
    first = auditor.get(f"/accounts/{FUND}/transactions?limit=3").json()
    rest = auditor.get(f"/accounts/{FUND}/transactions?limit=3&cursor={first['nextCursor']}").json()
    amounts = [(item["amount"], item["balanceAfter"]) for item in first["items"] + rest["items"]]
    assert amounts == [(-9, 999_982), (-6, 999_991), (-3, 999_997), (1_000_000, 1_000_000)]
    assert rest["nextCursor"] is None
    dated = auditor.get(f"/accounts/{FUND}/transactions?asOfDate=2026-10-02").json()["items"]
    # The deposit of 1 October counts too.
    assert [item["amount"] for item in dated] == [-6, -3, 1_000_000]


def test_a_transfer_is_found_by_either_line_and_a_shared_line_gives_the_journal(books: Books, auditor: Client) -> None:
    one, two = books.holder(), books.holder()
    posted = books.post(
        Transfer(FUND, f"{one}:burgerbudget", 10, grant_key="top-up/1", reference="quarter/2026-Q3"),
        Transfer(f"{one}:burgerbudget", f"{two}:vrij", 4, grant_key="x/2"),
        kind="top-up",
    )
    journal = posted.journal_id
    found = auditor.get(f"/transfers/{journal}-2").json()
    assert (found["source"], found["destination"], found["amount"], found["grantKey"]) == (
        FUND,
        f"{one}:burgerbudget",
        10,
        "top-up/1",
    )
    assert auditor.get(f"/transfers/{journal}-3").json() == auditor.get(f"/transfers/{journal}-4").json()
    whole = auditor.get(f"/transfers/{journal}").json()
    assert [item["id"] for item in whole["transfers"]] == [f"{journal}-2", f"{journal}-4"]
    assert auditor.get(f"/transfers/{journal}-5").json() == whole
    for unknown in (f"{journal}-6", "99", "99-1", "0-1", "x", str(uuid4()), "9" * 18):
        assert auditor.get(f"/transfers/{unknown}").status_code == 404
