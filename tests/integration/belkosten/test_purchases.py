"""Call credit bought with the purse on the Dordtpas."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from belkosten import tasks
from belkosten.actions import purchases
from belkosten.actions.purchases import Asked
from foundation.money import Cents
from tests.integration.belkosten.phone_town import Town
from tests.integration.wallet.payouts_house import example_iban
from tests.support.callers import Client

Buy = Callable[..., Any]


@pytest.fixture
def shop(town: Town) -> Client:
    """A seller of call credit."""
    body = {"organisation": "belwinkel", "name": "Belwinkel", "offers": ["credit"], "iban": example_iban(903)}
    assert town.officer.post("/providers", json=body).status_code == 201
    return town.provider("belwinkel")


def buy(by: Client, number: str, amount: int, purchase: str = "p1") -> Any:
    return by.post(
        "/call-credit-purchases", json={"purchaseId": purchase, "participantNumber": number, "amount": amount}
    )


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def payable(town: Town) -> int:
    [seller] = town.get("/providers")["items"]
    return town.balances().get(f"payable:{seller['payeeId']}", 0)


def test_a_purchase_takes_from_the_purse_and_is_owed_to_the_seller(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    bought = buy(shop, number, 750)
    assert bought.status_code == 201, bought.text
    assert bought.json() | {"id": "?"} == {
        "id": "?",
        "purchaseId": "p1",
        "participantNumber": number,
        "amount": 750,
        "state": "booked",
        "boughtOn": "2026-10-01",
    }
    assert (town.balance(number), payable(town)) == (250, 750)
    # 2.50 at 0.23 a minute is 10 whole minutes.
    assert town.get(f"/participants/{number}")["minutesLeft"] == 10
    path = f"/call-credit-purchases/{bought.json()['id']}"
    assert town.get(path, shop) == bought.json()
    assert town.provider("another").get(path).status_code == 404


def test_the_same_purchase_again_changes_nothing_and_other_content_is_refused(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    first, again = buy(shop, number, 400), buy(shop, number, 400)
    assert (first.status_code, again.status_code, first.json()) == (201, 200, again.json())
    assert refused(buy(shop, number, 401)) == (409, "purchaseIdReused")
    assert town.balance(number) == 600


def test_too_little_is_refused_naming_what_there_is_and_stays_refused(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    answer = buy(shop, number, 1_001)
    assert refused(answer) == (409, "tooLittle")
    assert answer.json()["errors"][0]["available"] == 1_000
    assert "€ 10,00" in answer.json()["detail"]
    assert refused(buy(shop, number, 1_001)) == (409, "tooLittle")
    assert buy(shop, number, 1_000, "p2").status_code == 201
    assert (town.balance(number), payable(town)) == (0, 1_000)


def test_only_a_registered_seller_sells_and_only_to_who_has_call_credit_today(town: Town, shop: Client) -> None:
    caller, buyer = town.enrol("belapp"), town.enrol("prepaid", until="2026-10-10")
    assert refused(buy(town.telco, buyer, 100)) == (403, "notASeller")
    assert town.officer.post("/call-credit-purchases", json={}).status_code == 403
    assert refused(buy(shop, caller, 100)) == (409, "notRegistered")
    assert refused(buy(shop, "999999", 100)) == (409, "notRegistered")
    # What is as long as a telephone number is not taken for a participant.
    assert buy(shop, "0612345678", 100).status_code == 400
    assert buy(shop, buyer, 0).status_code == 400
    town.today("2026-10-11")
    assert refused(buy(shop, buyer, 100)) == (409, "notRegistered")


def test_purchases_at_once_never_overspend(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    with ThreadPoolExecutor(4) as together:
        answers = list(together.map(lambda nth: buy(shop, number, 400, f"p{nth}"), range(4)))
    assert sorted(one.status_code for one in answers) == [201, 201, 409, 409]
    assert (town.balance(number), payable(town)) == (200, 800)


def test_the_same_purchase_sent_four_times_at_once_is_paid_once(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    with ThreadPoolExecutor(4) as together:
        answers = list(together.map(lambda _: buy(shop, number, 300), range(4)))
    assert {one.status_code for one in answers} <= {200, 201}
    assert len({one.json()["id"] for one in answers}) == 1
    assert (town.balance(number), payable(town)) == (700, 300)


def test_a_purchase_that_nobody_heard_the_answer_of_is_brought_to_its_end(
    town: Town, shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = town.enrol("prepaid")
    asked = Asked("belwinkel", "p1", number, Cents(300))
    purchase = town.database.run(lambda db: purchases.ask(db, asked))
    with town.database.reading() as db:
        question = purchases.question(db, purchase)
    purchases.ask_wallet(town.wallet, question, "system-of-belwinkel")
    assert town.balance(number) == 700
    town.on("2026-10-02")
    assert town.get(f"/call-credit-purchases/{purchase.id}", shop)["state"] == "asked"
    monkeypatch.setattr(tasks, "PURCHASE_ANSWERED_WITHIN", timedelta(0))
    town.settle()
    assert town.get(f"/call-credit-purchases/{purchase.id}", shop)["state"] == "booked"
    # The shop itself may ask again as well, a day later too: nothing is paid twice.
    assert (buy(shop, number, 300).status_code, town.balance(number), payable(town)) == (200, 700, 300)


def test_a_wallet_that_is_away_leaves_the_purchase_open_to_be_sent_again(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    town.server.stop()
    away = buy(shop, number, 300)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert refused(buy(shop, number, 301)) == (409, "purchaseIdReused")


def test_what_was_answered_is_never_changed(town: Town, shop: Client) -> None:
    number = town.enrol("prepaid")
    buy(shop, number, 300)
    with pytest.raises(DBAPIError, match="never changed"), town.database.transaction() as db:
        db.execute(text("UPDATE belkosten.purchase SET available = 1"))
