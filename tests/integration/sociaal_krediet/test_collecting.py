"""SK-12: a mandate, debits, iDEAL and refunds through Stripe, from the page to the ledger and back."""

from __future__ import annotations

import time

from sociaal_krediet import tasks
from tests.integration.sociaal_krediet.collecting_house import REFUSED, Till, event, signature


def instalment(till: Till, loan: str, number: int) -> tuple[str, int, str]:
    found = till.town.get(f"/loans/{loan}")["instalments"][number - 1]
    return found["dueOn"], found["paid"], found["state"]


def test_an_instalment_is_debited_on_its_day_bounces_weeks_later_and_is_won_again(till: Till) -> None:
    town, loan = till.town, till.town.loan()
    till.mandate(loan)
    again = town.helper.post(f"/loans/{loan}/mandates")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "mandateThere")

    till.on("2026-09-30")
    assert till.payments(loan) == []
    till.on("2026-10-01")
    till.on("2026-10-02")
    assert till.payments(loan) == [("2026-10-01", 4_861, "processing")]
    assert till.last_intent()["amount"] == 4_861
    assert instalment(till, loan, 1) == ("2026-10-01", 0, "open")

    till.settle_debit()
    assert till.payments(loan) == [("2026-10-01", 4_861, "succeeded")]
    assert instalment(till, loan, 1) == ("2026-10-01", 4_861, "paid")
    balances = town.balances()
    assert (balances["bank:stripe"], balances["fund"]) == (-4_861, 829_861)
    assert (balances["lent"], balances[f"loan:{loan}:outstanding"]) == (170_139, -170_139)
    till.assert_agrees()

    till.on("2026-10-26")
    till.control(f"/charges/{till.last_charge()}/bounce", reason="insufficient_funds", leaveOpen=True)
    assert till.payments(loan) == [("2026-10-01", 4_861, "bounced")]
    assert instalment(till, loan, 1) == ("2026-10-01", 0, "open")
    balances = town.balances()
    assert (balances.get("bank:stripe", 0), balances["fund"], balances["lent"]) == (0, 825_000, 175_000)
    facts = town.get(f"/loans/{loan}/events")["items"]
    assert [(one["kind"], one["effectiveOn"], one["reason"]) for one in facts if one["kind"] == "bounce"] == [
        ("bounce", "2026-10-26", "insufficient_funds")
    ]
    till.assert_agrees()

    till.on("2026-10-27")
    assert len(till.payments(loan)) == 1, "what bounced is not debited again by itself"
    till.control(f"/charges/{till.last_charge()}/win")
    assert till.payments(loan) == [("2026-10-01", 4_861, "succeeded")]
    assert instalment(till, loan, 1) == ("2026-10-01", 4_861, "paid")
    assert town.balances()["bank:stripe"] == -4_861
    till.assert_agrees()


def test_only_what_is_due_and_open_under_a_mandate_in_force_is_debited(till: Till) -> None:
    town = till.town
    late, small, settled, refused = (
        town.loan(town.holder(number), amount=amount, months=months)
        for number, amount, months in ((1, 30_000, 6), (2, 100, 3), (3, 6_000, 6), (4, 12_000, 6))
    )
    for loan in (small, settled):
        till.mandate(loan)
    till.mandate(refused, REFUSED)
    town.repay(settled, 6_000, "2026-09-01")

    till.on("2026-10-01")
    assert (till.payments(small), till.payments(settled)) == ([], [])
    till.settle_debit()
    assert till.payments(refused) == [("2026-10-01", 2_000, "failed")]
    assert town.get(f"/loans/{refused}/payments")["items"][0]["failure"] == "insufficient_funds"
    assert instalment(till, refused, 1) == ("2026-10-01", 0, "open")

    # The first instalment is older than the mandate: it is left to the borrower.
    till.on("2026-10-15")
    till.mandate(late)
    assert till.payments(late) == []

    # It waits for Stripe while the borrower pays it at the bank: then it is not debited any more.
    town.today("2026-11-01")
    tasks.do_jobs(town.database, town.wallet, lambda: None)
    town.repay(refused, 4_000, "2026-11-01")
    till.deliver()
    assert till.payments(late) == [("2026-11-01", 5_000, "processing")]
    assert till.payments(refused)[1:] == [("2026-11-01", 2_000, "failed")]
    assert town.get(f"/loans/{refused}/payments")["items"][0]["failure"] == "nothingDue"

    # The borrower ends the mandate: nothing follows, and a new one can be given.
    [mandate] = [one["mandate"] for one in till.about("setup_intent.succeeded")[-1:]]
    ended = event("evt_ended", "mandate.updated", {"id": mandate, "object": "mandate", "status": "inactive"})
    assert till.post(ended, signature(ended)).status_code == 200
    till.on("2026-12-01")
    assert len(till.payments(late)) == 1
    till.on("2026-12-02")
    till.mandate(late)
    till.on("2027-01-01")
    assert till.payments(late)[1:] == [("2027-01-01", 5_000, "processing")]
    till.assert_agrees()


def test_an_early_payment_with_ideal_lowers_and_above_the_outstanding_is_refused(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=60_000, months=6)
    chosen = town.helper.post(f"/loans/{loan}/early-repayments", json={"amount": 30_000, "mode": "lower"})
    assert chosen.status_code == 200, chosen.text
    for amount, code in ((60_001, "aboveOutstanding"), (49, "amountTooSmall")):
        answer = town.helper.post(f"/loans/{loan}/payments", json={"amount": amount})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, code)
    # Stripe tells the second in which it was paid: not the one in which the borrower chose.
    time.sleep(1.0)

    till.pay(till.page(loan, 30_000))
    till.deliver()

    assert [one["amount"] for one in town.get(f"/loans/{loan}")["instalments"]] == [5_000] * 6
    assert town.get(f"/loans/{loan}")["outstanding"] == 30_000
    till.assert_agrees()


def test_what_two_payments_have_above_the_outstanding_goes_back_through_stripe(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    pages = [till.page(loan, 10_000), till.page(loan, 7_000)]
    for page in pages:
        till.pay(page)
    till.deliver()

    assert town.get(f"/loans/{loan}")["state"] == "repaid"
    balances = town.balances()
    assert (balances["bank:stripe"], balances["clearing"], balances["fund"]) == (-17_000, 7_000, 1_000_000)
    [refund] = till.about("refund.created")
    assert refund["amount"] == 7_000
    till.control(f"/refunds/{refund['id']}/settle")
    assert town.balances()["bank:stripe"] == -10_000
    till.assert_agrees()

    # Weeks later it comes back: the borrower gets it in their purse, and finance pays it out.
    till.control(f"/refunds/{refund['id']}/fail")
    balances = town.balances()
    holder = town.get(f"/loans/{loan}")["holderId"]
    assert (balances["bank:stripe"], balances[f"holder:{holder}:krediet"]) == (-17_000, 7_000)
    assert till.tasks() == ["refundFailed"]
    till.assert_agrees()


def test_a_refund_that_somebody_makes_at_stripe_is_owed_again_until_it_comes_back(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=2)
    till.pay(till.page(loan, 6_000))
    till.deliver()
    made = till.stripe.sdk().v1.refunds.create({"payment_intent": till.last_intent()["id"], "amount": 2_000})
    till.deliver()
    assert town.get(f"/loans/{loan}")["outstanding"] == 6_000
    assert town.balances()["bank:stripe"] == -4_000
    till.assert_agrees()

    till.control(f"/refunds/{made.id}/settle")
    assert town.get(f"/loans/{loan}")["outstanding"] == 6_000
    till.control(f"/refunds/{made.id}/fail")
    assert town.get(f"/loans/{loan}")["outstanding"] == 4_000
    till.assert_agrees()


def test_a_bounce_of_what_was_refunded_is_work_for_finance_and_never_paid_twice(till: Till) -> None:
    town = till.town
    first, second = (town.loan(town.holder(number), amount=10_000, months=1) for number in (1, 2))
    till.mandate(first)
    till.mandate(second)
    till.on("2026-10-01")
    debits = {one["metadata"]["loan"]: one["id"] for one in till.about("payment_intent.created")}
    for loan in (first, second):
        town.repay(loan, 7_500, "2026-09-30")

    # Of 100.00 only 25.00 was owed: 75.00 goes back, and then the bank takes back all of it.
    till.control(f"/payment_intents/{debits[first]}/settle")
    [refund] = till.about("refund.created")
    assert refund["amount"] == 7_500
    till.control(f"/refunds/{refund['id']}/settle")
    till.assert_agrees()
    till.control(f"/charges/{till.last_charge()}/bounce")
    assert town.get(f"/loans/{first}")["outstanding"] == 2_500
    assert till.tasks() == ["bounceAboveReceipt"]
    assert (town.balances().get("bank:stripe", 0), till.at_stripe()) == (0, -7_500)

    # Here the bank is sooner: Stripe refunds nothing of what it took, and no purse gets it either.
    till.stripe.control(f"/payment_intents/{debits[second]}/settle")
    till.stripe.control(f"/charges/{till.last_charge()}/bounce")
    till.deliver()
    holder = town.get(f"/loans/{second}")["holderId"]
    balances = town.balances()
    assert town.get(f"/loans/{second}")["outstanding"] == 2_500
    assert (balances["clearing"], balances.get(f"holder:{holder}:krediet", 0)) == (7_500, 0)
    assert till.tasks().count("refundFailed") == 1
    town.assert_agrees()


def test_a_bounce_that_the_empty_fund_cannot_bear_waits_in_sight_until_there_is_money(till: Till) -> None:
    town, loan = till.town, till.town.loan(amount=10_000, months=1)
    till.mandate(loan)
    till.on("2026-10-01")
    till.settle_debit()
    for number in range(2, 6):
        town.loan(town.holder(number), amount=175_000)
    for number, amount in ((6, 175_000), (7, 125_000)):
        town.loan(town.holder(number), amount=amount)
    assert town.balances().get("fund", 0) == 0

    till.control(f"/charges/{till.last_charge()}/bounce")

    shown = town.get(f"/loans/{loan}")
    assert shown["outstanding"] == 10_000 and "fund:sociaal-krediet" in shown["problem"]
    [parked] = town.get("/outbox", town.finance)["items"]
    assert town.get("/portfolio", town.auditor)["ledger"]["difference"] == 0
    town.deposit(10_000)
    assert town.finance.post(f"/outbox/{parked['id']}/resumptions").status_code == 202
    town.settle()
    assert town.get(f"/loans/{loan}")["problem"] is None
    assert town.balances().get("fund", 0) == 0
    till.assert_agrees()
