"""From an application to the last cent: applied for, decided, paid out, repaid, with the ledger beside it."""

from __future__ import annotations

from tests.integration.sociaal_krediet.lending_town import Town


def test_sk4_a_loan_is_lent_and_owed_to_the_cent(town: Town) -> None:
    loan_id = town.loan()

    loan = town.get(f"/loans/{loan_id}")
    assert (loan["principal"], loan["outstanding"], loan["state"]) == (175_000, 175_000, "active")
    assert [one["amount"] for one in loan["instalments"]] == [4_861] * 35 + [4_865]
    assert loan["instalments"][0]["dueOn"] == "2026-10-01" and loan["instalments"][35]["dueOn"] == "2029-09-01"
    assert loan["bookedOn"] == "2026-09-01" and loan["creditors"][0]["state"] == "owed"
    payee = loan["creditors"][0]["payeeId"]
    assert town.balances() == {
        "bank:current": -1_000_000,
        "fund": 825_000,
        f"payable:{payee}:krediet": 175_000,
        "lent": 175_000,
        f"loan:{loan_id}:outstanding": -175_000,
    }
    town.assert_agrees()


def test_sk5_an_early_repayment_shortens_or_lowers(town: Town) -> None:
    loan_id = town.loan()
    for month in range(10):
        day = f"2026-{10 + month:02d}-01" if month < 3 else f"2027-{month - 2:02d}-01"
        town.today(day)
        town.repay(loan_id, 4_861, day)
    assert town.get(f"/loans/{loan_id}")["outstanding"] == 126_390

    shown = town.helper.post(f"/loans/{loan_id}/early-repayments", json={"amount": 50_000, "mode": "lower"}).json()
    assert shown["outstanding"] == 76_390
    assert [one["amount"] for one in shown["instalments"] if one["state"] == "open"] == [2_938] * 25 + [2_940]
    assert town.get(f"/loans/{loan_id}")["outstanding"] == 126_390

    received = town.repay(loan_id, 50_000, "2027-07-01")
    assert (received["counted"], received["returned"], received["outstanding"]) == (50_000, 0, 76_390)
    loan = town.get(f"/loans/{loan_id}")
    assert [one["amount"] for one in loan["instalments"] if one["state"] == "open"] == [2_938] * 25 + [2_940]
    assert loan["earlyMode"] == "shorten" and loan["scheduleVersion"] == 2
    town.assert_agrees()


def test_sk9_what_exceeds_the_outstanding_goes_back(town: Town) -> None:
    holder = town.holder()
    loan_id = town.loan(holder, amount=10_000, months=7)

    received = town.repay(loan_id, 12_500, "2026-09-01")

    assert (received["counted"], received["returned"], received["outstanding"]) == (10_000, 2_500, 0)
    assert received["state"] == "repaid"
    balances = town.balances()
    assert balances[f"holder:{holder}:krediet"] == 2_500
    assert (balances["fund"], balances.get("lent", 0)) == (1_000_000, 0)
    letter = town.officer.get(f"/loans/{loan_id}/settlement-letter")
    assert letter.status_code == 200 and letter.content.startswith(b"%PDF")
    town.assert_agrees()
