"""What happens to a loan afterwards: pauses, lower instalments, remission, late receipts (SK-5, SK-7, SK-9)."""

from __future__ import annotations

from typing import Any

from foundation.access import Role
from tests.integration.sociaal_krediet.lending_town import Town
from tests.support.callers import Client

REASON = {"reason": "Zij heeft tijdelijk minder werk."}


def asked(town: Town, loan: str, path: str, by: Client | None = None, **body: Any) -> tuple[int, dict[str, Any]]:
    """Ask for a change, and let what follows reach the wallet; gives status and answer."""
    answer = (by or town.officer).post(f"/loans/{loan}/{path}", json={**REASON, **body})
    town.settle()
    return answer.status_code, answer.json()


def code(answer: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    return answer[0], answer[1]["errors"][0]["code"]


def open_parts(loan: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["dueOn"], one["amount"] - one["paid"]) for one in loan["instalments"] if one["amount"] > one["paid"]]


def test_sk9_a_pause_moves_what_is_open_and_past_month_36_takes_two_people(town: Town) -> None:
    loan = town.loan(amount=40_000, months=4)
    town.on("2026-10-01")
    town.repay(loan, 10_000, "2026-10-01")

    status, shown = asked(town, loan, "pauses?preview=true", months=2)
    after = [("2027-01-01", 10_000), ("2027-02-01", 10_000), ("2027-03-01", 10_000)]
    assert (status, shown["needsSecondPerson"], open_parts(shown)) == (200, False, after)
    assert town.get(f"/loans/{loan}")["scheduleVersion"] == 1
    assert code(asked(town, loan, "pauses", months=2, **{"from": "2027-01-02"})) == (409, "nothingToPause")
    assert asked(town, loan, "pauses", months=25)[0] == 400
    assert asked(town, loan, "pauses", town.helper, months=2)[0] == 403

    status, paused = asked(town, loan, "pauses", months=2)
    assert (status, paused["state"], open_parts(paused)) == (201, "confirmed", after)
    # Months 1 to 4 ended in month 6; 24 more end in month 30, and 24 after that in month 54.
    assert asked(town, loan, "pauses", months=24)[0] == 201
    status, proposed = asked(town, loan, "pauses", months=24)
    assert (status, proposed["state"]) == (202, "proposed")
    assert open_parts(town.get(f"/loans/{loan}"))[-1] == ("2029-03-01", 10_000)
    confirmation = f"pauses/{proposed['id']}/confirmations"
    assert code(asked(town, loan, f"remissions/{proposed['id']}/confirmations", town.second_officer)) == (
        404,
        "unknownProposal",
    )
    assert code(asked(town, loan, confirmation)) == (403, "sameSubject")
    status, done = asked(town, loan, confirmation, town.second_officer)
    assert (status, done["state"], open_parts(done)[-1]) == (200, "confirmed", ("2031-03-01", 10_000))
    assert code(asked(town, loan, confirmation, town.second_officer)) == (409, "alreadyDecided")

    # Every schedule that was ever in force is still there, newest first.
    versions = town.get(f"/loans/{loan}/schedules")["items"]
    assert [one["instalments"][-1]["dueOn"] for one in versions] == [
        "2031-03-01", "2029-03-01", "2027-03-01", "2027-01-01",
    ]  # fmt: skip
    facts = town.get(f"/loans/{loan}/events")["items"]
    assert [(one["kind"], one["months"], one["confirmedBy"]) for one in facts] == [
        ("receipt", None, None), ("pause", 2, None), ("pause", 24, None), ("pause", 24, "oscar"),
    ]  # fmt: skip
    assert versions[0]["factId"] == facts[-1]["id"]
    town.assert_agrees()


def test_sk9_arrears_and_all_are_spread_over_more_months_with_lower_instalments(town: Town) -> None:
    loan = town.loan(amount=40_000, months=4)
    town.on("2026-11-15")
    # Nothing was paid: 400.00 over 6 months from 1 December: 5 times 66.67 and 66.65.
    status, lowered = asked(town, loan, "reschedules", months=6)
    assert status == 201
    assert open_parts(lowered) == [
        ("2026-12-01", 6_667), ("2027-01-01", 6_667), ("2027-02-01", 6_667), ("2027-03-01", 6_667),
        ("2027-04-01", 6_667), ("2027-05-01", 6_665),
    ]  # fmt: skip
    assert town.get(f"/loans/{loan}")["arrears"] == 0
    status, proposed = asked(town, loan, "reschedules", months=40)
    assert (status, proposed["state"]) == (202, "proposed")
    status, ended = asked(town, loan, f"reschedules/{proposed['id']}/rejections", reason="Te lang.")
    assert (status, ended["state"], open_parts(ended)) == (200, "rejected", open_parts(lowered))
    assert town.get(f"/loans/{loan}/proposals")["items"][0]["rejection"] == "Te lang."
    town.assert_agrees()


def test_sk7_a_remission_takes_two_and_a_late_receipt_takes_part_of_it_back(town: Town) -> None:
    holder = town.holder()
    loan = town.loan(holder, amount=40_000, months=4)
    town.on("2026-11-15")
    assert code(asked(town, loan, "remissions", amount=40_001)) == (409, "aboveOutstanding")
    relative = town.client(Role.CASEWORKER, "otto", holder_id=holder)
    assert code(asked(town, loan, "remissions", relative)) == (403, "involved")
    shown = asked(town, loan, "remissions?preview=true")[1]
    assert (shown["outstanding"], shown["needsSecondPerson"]) == (0, True)

    part = asked(town, loan, "remissions", amount=15_000, ground="counterPerformance")[1]["id"]
    assert town.get(f"/loans/{loan}")["outstanding"] == 40_000
    assert code(asked(town, loan, f"remissions/{part}/confirmations")) == (403, "sameSubject")
    assert code(asked(town, loan, f"remissions/{part}/confirmations", relative)) == (403, "involved")
    assert asked(town, loan, f"remissions/{part}/confirmations", town.second_officer)[1]["outstanding"] == 25_000
    town.assert_agrees()

    # What was proposed when 250.00 was open is more than is open when it is confirmed.
    much = asked(town, loan, "remissions", amount=25_000)[1]["id"]
    town.repay(loan, 10_000, "2026-11-15")
    assert code(asked(town, loan, f"remissions/{much}/confirmations", town.second_officer)) == (409, "aboveOutstanding")
    rest = asked(town, loan, "remissions")[1]["id"]
    assert asked(town, loan, f"remissions/{rest}/confirmations", town.second_officer)[1]["outstanding"] == 0
    remitted = town.get(f"/loans/{loan}")
    assert (remitted["state"], remitted["repaid"], remitted["remitted"]) == ("remitted", 10_000, 30_000)
    assert remitted["settledOn"] == "2026-11-15"
    assert code(asked(town, loan, "pauses", months=1)) == (409, "loanSettled")
    town.assert_agrees()
    balances = town.balances()
    assert (balances["fund"], balances.get("lent", 0)) == (970_000, 0)

    # 60.00 had been received in October: then only 90.00 of the last 150.00 was there to remit.
    town.on("2026-11-20")
    received = town.repay(loan, 6_000, "2026-10-05")
    assert (received["counted"], received["returned"]) == (6_000, 0)
    corrected = town.get(f"/loans/{loan}")
    assert (corrected["repaid"], corrected["remitted"], corrected["outstanding"]) == (16_000, 24_000, 0)
    assert corrected["problem"] is None
    assert town.balances()["fund"] == 976_000
    town.assert_agrees()


def test_what_will_not_come_in_is_written_off_and_money_that_still_comes_goes_back(town: Town) -> None:
    holder = town.holder()
    loan = town.loan(holder, amount=40_000, months=4)
    proposed = asked(town, loan, "write-offs")[1]["id"]
    assert asked(town, loan, f"write-offs/{proposed}/confirmations", town.second_officer)[0] == 200
    shown = town.get(f"/loans/{loan}")
    assert (shown["state"], shown["writtenOff"], shown["instalments"]) == ("writtenOff", 40_000, [])
    town.on("2026-09-02")
    received = town.repay(loan, 1_000, "2026-09-02")
    assert (received["counted"], received["returned"], received["state"]) == (0, 1_000, "writtenOff")
    assert town.balances()[f"holder:{holder}:krediet"] == 1_000
    town.assert_agrees()


def test_sk9_receipts_that_come_late_end_where_they_would_have_ended_in_time(town: Town) -> None:
    holder, other = town.holder(1), town.holder(2)
    late, in_time = (town.loan(one, amount=40_000, months=4) for one in (holder, other))
    town.today("2026-12-05")
    receipts = [("2026-10-01", 12_500), ("2026-11-01", 10_000), ("2026-12-05", 20_000)]
    for on, amount in receipts:
        town.repay(in_time, amount, on)
    for on, amount in reversed(receipts):
        town.repay(late, amount, on)
        town.assert_agrees()

    for name, loan in ((holder, late), (other, in_time)):
        shown = town.get(f"/loans/{loan}")
        # 425.00 came in on 400.00.
        assert (shown["repaid"], shown["outstanding"], shown["state"]) == (40_000, 0, "repaid")
        assert [one["kind"] for one in town.get(f"/loans/{loan}/events")["items"]].count("refunded") == 1
        assert town.balances()[f"holder:{name}:krediet"] == 2_500
    assert town.balances()["fund"] == 1_000_000
    # The last one was not seen yet when it paid the loan off: 25.00 of it had to go back afterwards.
    counted = [one["amount"] for one in town.get(f"/loans/{late}")["instalments"]]
    assert counted == [one["amount"] for one in town.get(f"/loans/{in_time}")["instalments"]]
    for day in ("2026-08-31", "2026-12-06"):
        body = {"amount": 1, "receivedOn": day, "reference": "x"}
        answer = town.finance.post(f"/loans/{late}/repayments", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "dateOutOfRange")


def test_sk5_an_announced_early_repayment_is_for_the_borrower_and_moves_no_money(town: Town) -> None:
    holder = town.holder()
    loan = town.loan(holder, amount=40_000, months=4)
    borrower = town.client(Role.PASS_HOLDER, "piet", holder_id=holder)
    path = f"/loans/{loan}/early-repayments"
    shown = borrower.post(path, json={"amount": 10_000})
    assert shown.status_code == 200
    assert open_parts(shown.json()) == [("2026-10-01", 10_000), ("2026-11-01", 10_000), ("2026-12-01", 10_000)]
    refused = borrower.post(path, json={"amount": 40_001}).json()["errors"][0]["code"]
    assert refused == "aboveOutstanding"
    stranger = town.client(Role.PASS_HOLDER, "pia", holder_id=town.holder(2))
    for client in (stranger, town.client(Role.HELPER, "harm")):
        assert client.post(path, json={"amount": 1}).status_code == 404
        assert client.get(f"/loans/{loan}").status_code == 404
        assert client.get("/loans").json()["items"] == []
    assert [one["id"] for one in town.get("/loans", borrower)["items"]] == [loan]
    assert town.get(f"/loans/{loan}", borrower)["outstanding"] == 40_000
    assert borrower.post(f"/loans/{loan}/repayments", json={}).status_code == 403
    town.assert_agrees()
