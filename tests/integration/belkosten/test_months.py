"""What a month brings: credits up to the ceiling, what goes back to the fund, and months of SIM cards."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from belkosten import postings, tasks
from belkosten.actions import crediting
from foundation import outbox
from foundation.clock import business_date
from foundation.identifiers import new_id
from tests.integration.belkosten.phone_town import Town
from tests.integration.wallet.payouts_house import example_iban
from wallet_contract.messages import OpenHold, PostTransfers, TransferLine


def spend(town: Town, number: str, amount: int) -> None:
    """Take from somebody's purse, as calls do."""
    line = TransferLine(postings.purse_of(town.holder_of(number)), postings.CLEARING, amount)
    posting = PostTransfers("call", business_date(), [line])
    town.wallet.post_transfers(posting.as_json(), key=f"spend/{new_id()}")


def hold(town: Town, number: str, amount: int) -> str:
    """Set something apart in somebody's purse, as a call under way does."""
    asked = OpenHold(postings.purse_of(town.holder_of(number)), amount, "call/telco/c1")
    opened: str = town.wallet.open_hold(asked.as_json(), key=f"hold/{new_id()}")["id"]
    return opened


def month(town: Town, of: str) -> dict[str, Any]:
    found: dict[str, Any] = town.get(f"/credit-months/{of}", town.auditor)
    return found


def sell_sims(town: Town, organisation: str, number: int = 901) -> str:
    """Register a provider of SIM cards; gives its payee."""
    body = {"organisation": organisation, "name": "Simpel", "offers": ["sim"], "iban": example_iban(number)}
    answer = town.officer.post("/providers", json=body)
    assert answer.status_code == 201, answer.text
    town.settle()
    return str(answer.json()["payeeId"])


def test_a_month_fills_the_purse_up_to_the_ceiling_and_saves_nothing_up(town: Town) -> None:
    caller, saver, planned = town.enrol(), town.enrol("prepaid"), town.enrol(start="2026-10-12")
    assert (town.balance(caller), town.balance(saver), town.balance(planned)) == (1_000, 1_000, 0)
    assert town.get(f"/participants/{planned}")["nextCreditOn"] == "2026-10-12"
    spend(town, caller, 730)
    town.on("2026-10-11")
    assert town.balance(planned) == 0
    town.on("2026-10-12")
    assert town.balance(planned) == 1_000
    town.on("2026-10-31")
    assert town.balance(caller) == 270
    town.on("2026-11-01")
    assert [town.balance(one) for one in (caller, saver, planned)] == [1_000, 1_000, 1_000]
    assert month(town, "2026-11") == {
        "month": "2026-11",
        "participants": 3,
        "credited": 1,
        "total": 730,
        "booked": 730,
        "waiting": 0,
        "problem": None,
    }
    assert month(town, "2026-10")["total"] == 3_000
    town.settle()
    assert town.balances()["fund"] == 1_000_000 - 3_000 - 730
    assert town.helper.get("/credit-months/2026-11").status_code == 403
    assert town.officer.get("/credit-months/november").status_code == 400


def test_a_month_that_was_missed_is_not_made_up_for(town: Town) -> None:
    number = town.enrol()
    spend(town, number, 400)
    town.on("2027-01-20")
    assert town.balance(number) == 1_000
    assert month(town, "2026-12")["participants"] == 0


def test_what_is_held_for_a_call_counts_as_still_there(town: Town) -> None:
    number = town.enrol()
    hold(town, number, 600)
    town.on("2026-11-01")
    assert (town.balance(number), town.held(number)) == (1_000, 600)
    assert town.get(f"/participants/{number}")["creditLeft"] == 400


def test_a_fund_with_too_little_parks_the_credits_until_it_is_filled(town: Town) -> None:
    number = town.enrol()
    spend(town, number, 900)
    drain = TransferLine(postings.FUND, postings.CLEARING, town.balances()["fund"] - 100)
    town.wallet.post_transfers(PostTransfers("call", business_date(), [drain]).as_json(), key="drain")
    town.on("2026-11-01")
    [parked] = town.parked()
    assert (parked["kind"], parked["errorCode"], parked["subject"]) == ("post-credits", "tooLittle", "credits/2026-11")
    found = month(town, "2026-11")
    assert (found["total"], found["booked"], found["waiting"]) == (900, 0, 900)
    assert "fund:belkosten" in found["problem"]
    # The next month waits for it: otherwise both would be paid out together, above the ceiling.
    town.on("2026-12-01")
    assert month(town, "2026-12")["participants"] == 0
    town.deposit(5_000)
    town.resume_parked()
    assert town.balance(number) == 1_000
    assert month(town, "2026-11")["waiting"] == 0
    assert (month(town, "2026-12")["participants"], month(town, "2026-12")["total"]) == (1, 0)


def test_credits_wait_for_a_wallet_that_is_away(town: Town) -> None:
    number = town.enrol(start="2026-10-05")
    town.server.stop()
    town.today("2026-10-05")
    tasks.do_jobs(town.database, town.wallet, lambda: None)
    assert month(town, "2026-10")["participants"] == 0
    assert town.get(f"/participants/{number}")["creditLeft"] is None


def test_a_credit_that_was_sent_twice_is_booked_once(town: Town) -> None:
    number = town.enrol(start="2026-10-05")
    town.today("2026-10-05")
    tasks.do_jobs(town.database, town.wallet, lambda: None)
    # The answer of the first delivery is lost: the same row is delivered again.
    with town.database.transaction() as db:
        [kept] = db.execute(text("SELECT payload, dedupe_key FROM outbox WHERE kind = 'post-credits'"))
    town.wallet.post_transfers(kept.payload, key=kept.dedupe_key, on_behalf_of="credits/2026-10")
    while outbox.deliver_one(town.database, town.handlers):
        pass
    assert town.balance(number) == 1_000
    assert month(town, "2026-10")["booked"] == 1_000


def test_the_database_refuses_a_credit_above_the_ceiling(town: Town) -> None:
    number = town.enrol()
    with pytest.raises(DBAPIError, match="credit_up_to_ceiling"), town.database.transaction() as db:
        db.execute(
            text(
                "INSERT INTO belkosten.credit SELECT participant_number, '2026-11-01', participation_id, 1000, 1000, 1,"
                " credited_on, NULL, NULL FROM belkosten.credit WHERE participant_number = :number"
            ),
            {"number": number},
        )


def test_more_people_than_fit_in_one_message_are_all_credited(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crediting, "CHUNK", 2)
    numbers = [town.enrol(start="2026-10-02") for _ in range(5)]
    town.on("2026-10-02")
    assert [town.balance(one) for one in numbers] == [1_000] * 5
    with town.database.reading() as db:
        assert db.execute(text("SELECT count(*) FROM outbox WHERE kind = 'post-credits'")).scalar_one() == 3


def test_what_is_left_goes_back_the_day_after_the_end(town: Town) -> None:
    number = town.enrol(until="2026-10-20")
    spend(town, number, 350)
    town.on("2026-10-20")
    assert town.balance(number) == 650
    town.on("2026-10-21")
    assert town.balance(number) == 0
    assert town.balances()["fund"] == 1_000_000 - 350
    assert returns_of(town) == [(1, 650, True)]
    town.on("2026-11-01")
    assert (town.balance(number), len(returns_of(town))) == (0, 1)


def returns_of(town: Town) -> list[tuple[int, int, bool]]:
    with town.database.reading() as db:
        rows = db.execute(
            text(
                "SELECT r.nth, r.amount, p.returned FROM belkosten.credit_return r"
                " JOIN belkosten.participation p ON p.id = r.participation_id ORDER BY p.starts_on, r.nth"
            )
        )
        return [tuple(row) for row in rows]  # type: ignore[misc]


def test_what_a_call_under_way_holds_goes_back_on_a_later_day(town: Town) -> None:
    number = town.enrol(until="2026-10-20")
    held = hold(town, number, 250)
    town.on("2026-10-21")
    assert (town.balance(number), town.held(number)) == (250, 250)
    town.settle()
    assert returns_of(town) == [(1, 750, False)]
    town.wallet.release_hold(held, key="over")
    town.on("2026-10-22")
    assert town.balance(number) == 0
    assert returns_of(town) == [(1, 750, True), (2, 250, True)]


def test_an_empty_purse_has_nothing_to_give_back(town: Town) -> None:
    number = town.enrol(until="2026-10-20")
    spend(town, number, 1_000)
    town.on("2026-10-21")
    assert returns_of(town) == [(1, 0, True)]


def test_a_move_gives_back_first_and_then_credits_the_new_product(town: Town) -> None:
    number = town.enrol()
    spend(town, number, 300)
    held = hold(town, number, 200)
    town.officer.post(f"/participants/{number}/product-changes", json={"product": "prepaid", "from": "2026-11-01"})
    town.on("2026-11-01")
    # 10.00 - 3.00 spent - 2.00 held = 5.00 goes back; what the call holds counts in the new ceiling: 8.00 is added.
    assert returns_of(town) == [(1, 500, True)]
    assert (town.balance(number), town.held(number)) == (1_000, 200)
    found = town.get(f"/participants/{number}")
    assert (found["product"], found["monthCredit"]["amount"], found["creditLeft"]) == ("prepaid", 800, 800)
    town.wallet.release_hold(held, key="over")
    town.on("2026-11-20")
    assert (town.balance(number), len(returns_of(town))) == (1_000, 1)


def test_a_move_on_the_first_itself_leaves_the_credit_of_that_month_where_it_is(town: Town) -> None:
    number = town.enrol(start="2026-09-15")
    town.on("2026-11-01")
    spend(town, number, 100)
    moved = town.officer.post(
        f"/participants/{number}/product-changes", json={"product": "prepaid", "from": "2026-11-01"}
    )
    assert (moved.status_code, moved.json()["state"]) == (201, "active")
    town.settle()
    assert (town.balance(number), returns_of(town)) == (900, [])
    town.on("2026-12-01")
    assert town.balance(number) == 1_000


def test_who_stops_and_comes_back_in_one_month_is_credited_once(town: Town) -> None:
    holder = town.holder()
    number = town.enrol(holder=holder, until="2026-10-05")
    town.on("2026-10-06")
    again = town.helper.post("/participants", json=town.body(holder, "prepaid"))
    assert again.status_code == 201
    town.settle()
    assert town.balance(number) == 0
    town.on("2026-11-01")
    assert town.balance(number) == 1_000


def test_every_calendar_month_that_a_sim_card_touches_is_paid_to_its_provider(town: Town) -> None:
    payee = sell_sims(town, "simpel")
    number = town.enrol("sim-only", start="2026-09-30", until="2026-11-01")
    for day in ("2026-10-15", "2026-11-01", "2026-12-01"):
        town.on(day)
    # The 30th of September until the 1st of November touches three months of 10.00.
    assert town.balances()[f"payable:{payee}"] == 3_000
    found = town.get("/sim-months/2026-11", town.finance)
    assert found == {
        "month": "2026-11",
        "count": 1,
        "total": 1_000,
        "booked": 1_000,
        "waiting": 0,
        "perProvider": [{"provider": "simpel", "count": 1, "total": 1_000, "booked": 1_000, "waiting": 0}],
    }
    assert town.get("/sim-months/2026-12", town.finance)["count"] == 0
    assert town.balances().get(f"holder:{town.holder_of(number)}") is None


def test_a_month_of_a_sim_card_waits_until_its_provider_is_registered(town: Town) -> None:
    town.enrol("sim-only", provider="lebara")
    town.enrol("sim-only")
    first = sell_sims(town, "simpel")
    assert town.balances()[f"payable:{first}"] == 1_000
    waiting = town.get("/sim-months/2026-10", town.finance)
    assert [(one["provider"], one["waiting"]) for one in waiting["perProvider"]] == [("simpel", 0), (None, 1_000)]
    second = sell_sims(town, "lebara", 902)
    assert town.balances()[f"payable:{second}"] == 1_000
    # With two providers nobody can tell whose card it is: that month waits.
    town.on("2026-11-01")
    assert town.balances()[f"payable:{first}"] == 1_000
    assert town.balances()[f"payable:{second}"] == 2_000
    assert town.get("/sim-months/2026-11", town.finance)["waiting"] == 1_000


def test_a_provider_is_registered_once_with_an_iban_that_only_the_wallet_keeps(town: Town) -> None:
    body = {"organisation": "telco", "name": "Telco", "offers": ["calls"], "iban": example_iban(901)}
    key = {"Idempotency-Key": "telco-1"}
    first = town.officer.post("/providers", json=body, headers=key)
    assert first.status_code == 201, first.text
    assert town.officer.post("/providers", json=body, headers=key).json() == first.json()
    again = town.officer.post("/providers", json=body)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "providerThere")
    wrong = town.officer.post("/providers", json=body | {"organisation": "x", "iban": "NL00BANK0123456789"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/iban")
    assert town.helper.post("/providers", json=body | {"organisation": "y"}).status_code == 403
    [listed] = town.get("/providers", town.finance)["items"]
    assert listed == first.json()
    assert "iban" not in listed
    assert town.wallet.payee(listed["payeeId"])
