"""What the wallet tells: receipts under the RF reference, and how far each creditor's payment is (SK-8, SK-9, SK-12)."""

from __future__ import annotations

from typing import Any

from foundation.access import Role
from sociaal_krediet.actions import following
from tests.integration.sociaal_krediet.lending_town import Town
from tests.integration.wallet.payouts_house import counts, example_iban


def receipts(town: Town, *received: tuple[str, int]) -> bytes:
    """Have the bank write a statement of today with receipts of (reference, amount)."""
    asked = [{"reference": reference, "amount": amount} for reference, amount in received]
    answer = town.house.maker.post("/stand-in-bank/statements", json={"receipts": asked})
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def test_sk12_money_under_the_reference_of_a_loan_fills_its_instalments_once(town: Town) -> None:
    holder = town.holder()
    loan = town.loan(holder, amount=40_000, months=4)
    reference = town.get(f"/loans/{loan}")["rfReference"]
    town.on("2026-11-02")
    statement = receipts(town, (reference.lower(), 15_000))
    assert town.house.read(statement) == counts(matched=1)
    assert town.balances()["clearing"] == 15_000
    town.settle()
    shown = town.get(f"/loans/{loan}")
    assert [one["paid"] for one in shown["instalments"]] == [10_000, 5_000, 0, 0]
    assert (shown["outstanding"], shown["arrears"], shown["daysLate"]) == (25_000, 5_000, 1)
    assert "clearing" not in town.balances()
    town.assert_agrees()

    assert town.house.read(statement) == counts(repeated=1)
    town.settle()
    assert town.get(f"/loans/{loan}")["repaid"] == 15_000

    # 300.00 on the 250.00 that is left: the borrower gets 50.00 back, once, in a purse that is paid out.
    town.house.read(receipts(town, (reference, 30_000)))
    town.settle()
    town.settle()
    assert town.get(f"/loans/{loan}")["state"] == "repaid"
    balances = town.balances()
    assert balances[f"holder:{holder}:krediet"] == 5_000 and "clearing" not in balances
    events = town.get(f"/loans/{loan}/events")["items"]
    assert [(one["kind"], one["amount"], one["source"], one["reference"]) for one in events] == [
        ("receipt", 15_000, "bank", reference),
        ("receipt", 30_000, "bank", reference),
        ("refunded", 5_000, "house", None),
    ]
    # Who pays on a loan that is settled gets everything back.
    town.house.read(receipts(town, (reference, 700)))
    town.settle()
    assert town.balances()[f"holder:{holder}:krediet"] == 5_700
    town.assert_agrees()


def test_sk12_an_announcement_that_is_told_twice_counts_once(town: Town) -> None:
    loan = town.loan(amount=40_000, months=4)
    town.house.read(receipts(town, (town.get(f"/loans/{loan}")["rfReference"], 1_000)))
    told = town.wallet.announcements()
    assert len(told) == 1
    town.settle()
    assert town.wallet.announcements() == []
    # We stopped before we had said that it was written down, and are told again.
    for one in told:
        town.database.run(lambda db, one=one: following.take(db, one))
    town.settle()
    assert town.get(f"/loans/{loan}")["repaid"] == 1_000
    town.assert_agrees()


def test_sk8_a_creditor_is_paid_and_what_came_back_is_paid_on_the_right_account(town: Town) -> None:
    holder = town.holder()
    creditors: list[dict[str, Any]] = [
        {"name": "Woonbedrijf", "reference": "Huur 9", "amount": 30_000, "iban": example_iban(900)},
        {"name": "Energie Noord", "reference": "Klant 7", "amount": 10_000, "iban": example_iban(901)},
    ]
    loan = town.loan(holder, amount=40_000, months=4, creditors=creditors)
    payees = [one["payeeId"] for one in town.get(f"/loans/{loan}")["creditors"]]

    def states() -> list[tuple[str, str | None]]:
        town.settle()
        return [(one["state"], one["bankReason"]) for one in town.get(f"/loans/{loan}")["creditors"]]

    town.on("2026-09-07")
    batch = town.house.sent("2026-09-08", purse="krediet", payees=payees)
    assert states() == [("sent", None), ("sent", None)]
    statement = town.house.statement(batch, returns=[{"payee": payees[1], "reason": "AC04"}])
    assert town.house.read(statement) == counts(matched=1, returned=1)
    assert states() == [("settled", None), ("returned", "AC04")]
    assert town.balances()[f"payable:{payees[1]}:krediet"] == 10_000

    (task,) = town.get("/tasks")["items"]
    assert (task["kind"], task["role"], task["loanId"]) == ("disbursementReturned", "caseworker", None)
    assert "€ 100,00 aan Energie Noord" in task["details"] and "AC04" in task["details"]
    assert town.get("/tasks", town.helper)["items"] == []

    iban = town.house.caseworker.post(f"/payees/{payees[1]}/ibans", json={"iban": example_iban(902)}).json()["id"]
    town.house.confirm([iban])
    done = town.officer.post(f"/tasks/{task['id']}/completions", json={"outcome": "Nieuwe rekening vastgelegd."})
    assert (done.status_code, done.json()["state"]) == (201, "done")
    town.on("2026-09-14")
    again = town.house.sent("2026-09-15", purse="krediet", payees=[payees[1]])
    assert states() == [("settled", None), ("sent", None)]
    assert town.house.read(town.house.statement(again)) == counts(matched=1)
    assert states() == [("settled", None), ("settled", None)]
    assert not any(address.startswith("payable") for address in town.balances())
    assert town.get("/tasks")["items"] == []
    # What is paid to creditors is no matter of the loan: the borrower owes the same.
    assert town.get(f"/loans/{loan}")["outstanding"] == 40_000
    assert town.client(Role.PASS_HOLDER, "piet", holder_id=holder).get("/tasks").status_code == 403
    town.assert_agrees()
