"""Who is in a batch, and what freezing it holds (PO-1, PO-2, PO-6)."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.access import Role
from tests.integration.wallet.payouts_house import NOBODY, House, code_of, example_iban


def test_everybody_who_is_not_in_a_batch_is_named_with_the_reason(house: House) -> None:
    paid = house.holder(1, 100)
    empty = house.holder(2, 100)
    house.take(empty, 100)
    unconfirmed = house.holder(3, 100, confirm=False)
    blocked = house.holder(4, 100)
    house.caseworker.post(f"/holders/{blocked}/blocks", json={"reason": "Onderzoek"})
    house.today("2026-10-01")
    cooling = house.holder(5, 100)
    drafted = house.draft()
    assert (drafted["lines"], drafted["total"]) == (1, 100)
    assert {row["holder"]: row["reason"] for row in drafted["excluded"]} == {
        empty: "nothingAvailable",
        unconfirmed: "noConfirmedIban",
        blocked: "blocked",
        cooling: "coolingOff",
    }
    again = house.draft()
    assert again["lines"] == 0
    assert {row["holder"]: row["reason"] for row in again["excluded"]}[paid] == "inOtherBatch"


def test_cooling_off_ends_on_the_third_day_after_confirmation(house: House) -> None:
    house.today("2026-10-01")
    holder = house.holder(1, 100)
    house.today("2026-10-02")
    reasons = {row["holder"]: row["reason"] for row in house.draft("2026-10-05")["excluded"]}
    assert reasons == {holder: "coolingOff"}
    house.today("2026-10-04")
    assert house.draft("2026-10-05")["lines"] == 1


def test_a_batch_of_named_holders_pays_them_and_nobody_else(house: House, three: list[str]) -> None:
    without_purse = house.holder(9)
    drafted = house.draft(holders=[three[0], without_purse])
    assert (drafted["lines"], drafted["total"]) == (1, 59_964)
    assert drafted["excluded"] == [{"holder": without_purse, "reason": "nothingAvailable"}]
    answer = house.maker.post(
        "/payout-batches", json={"purse": "vrij", "executeOn": "2026-10-01", "holders": [three[1], NOBODY]}
    )
    assert (answer.status_code, code_of(answer)) == (409, "unknownHolder")


@pytest.mark.parametrize(
    ("body", "status", "code", "named"),
    [
        ({"executeOn": "2026-09-30"}, 409, "noExecutionDay", "2026-10-01"),
        ({"executeOn": "2026-10-03"}, 409, "noExecutionDay", "2026-10-05"),
        ({"executeOn": "2026-12-25"}, 409, "noExecutionDay", "2026-12-28"),
        ({"purse": "burgerbudget"}, 409, "purseNotPayable", "vrij"),
        ({"purse": "nonsense"}, 409, "purseNotPayable", "vrij"),
        ({"executeOn": "first of October"}, 400, "malformed", ""),
        ({"executeOn": 1}, 400, "malformed", ""),
        ({"holders": []}, 400, "malformed", ""),
        ({"total": 1}, 400, "malformed", ""),
    ],
)
def test_what_cannot_be_drafted_is_said_with_what_can(
    house: House, three: list[str], body: dict[str, Any], status: int, code: str, named: str
) -> None:
    answer = house.maker.post("/payout-batches", json={"purse": "vrij", "executeOn": "2026-10-01", **body})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert named in answer.json()["detail"]


def test_a_line_pays_what_the_purse_has_when_the_batch_is_submitted(house: House, three: list[str]) -> None:
    anna, bram, cleo = three
    batch = house.draft()["id"]
    house.put(anna, 36)
    house.take(bram, 5)
    house.caseworker.post(f"/holders/{cleo}/blocks", json={"reason": "Onderzoek"})
    submitted = house.submit(batch)
    assert (submitted["lines"], submitted["total"], submitted["dropped"]) == (1, 60_000, 2)
    lines = {line["holder"]: (line["state"], line["reason"]) for line in house.lines(batch)}
    assert lines == {anna: ("held", None), bram: ("dropped", "nothingAvailable"), cleo: ("dropped", "blocked")}
    assert house.draft(holders=[bram])["excluded"] == [{"holder": bram, "reason": "nothingAvailable"}]


def test_a_batch_in_which_nothing_is_left_cannot_be_submitted(house: House, three: list[str]) -> None:
    batch = house.draft(holders=[three[1]])["id"]
    house.take(three[1], 5)
    answer = house.maker.post(f"/payout-batches/{batch}/submissions")
    assert (answer.status_code, code_of(answer)) == (409, "nothingToPay")


def test_what_is_held_cannot_be_spent(house: House, three: list[str]) -> None:
    house.submit(house.draft()["id"])
    with pytest.raises(Exception, match="beschikbaar"):
        house.take(three[0], 1)


def test_money_that_comes_in_after_submission_stays_for_the_next_batch(house: House, three: list[str]) -> None:
    batch = house.draft(holders=[three[0]])["id"]
    submitted = house.submit(batch)
    house.put(three[0], 100)
    house.approve(batch, submitted["contentHash"])
    house.send(batch)
    assert house.vrij(three[0]) == (100, 0)
    assert house.draft(holders=[three[0]])["total"] == 100


def test_an_iban_confirmed_after_submission_does_not_change_what_was_approved(house: House, three: list[str]) -> None:
    batch = house.draft(holders=[three[0]])["id"]
    submitted = house.submit(batch)
    proposed = house.caseworker.post(f"/holders/{three[0]}/ibans", json={"iban": example_iban(77)}).json()["id"]
    house.confirm([proposed])
    house.approve(batch, submitted["contentHash"])
    house.send(batch)
    file = house.maker.get(f"/payout-batches/{batch}/pain001").text
    assert example_iban(1) in file
    assert example_iban(77) not in file


def test_only_its_maker_submits_a_batch(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    answer = house.client(Role.FINANCE_MAKER, "moos").post(f"/payout-batches/{batch}/submissions")
    assert (answer.status_code, code_of(answer)) == (403, "notTheMaker")
    assert house.balances()[f"holder:{three[0]}:vrij"] == (59_964, 0)
