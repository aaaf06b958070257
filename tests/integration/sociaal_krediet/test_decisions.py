"""Deciding: by another person, below the cap under a lock, on a product with a legal basis (SK-1, SK-6, SK-7, SK-11)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from foundation.access import Role
from tests.integration.sociaal_krediet.lending_town import Town
from tests.support.callers import Client
from tests.support.databases import ServiceDatabase

LOAN = {"outcome": "loan", "product": "leenbijstand", "reason": "De nood is acuut."}


def decided(client: Client, application: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
    """Ask for a decision; gives its status and the code of its refusal."""
    answer = client.post(f"/applications/{application}/decisions", json=body or LOAN)
    return answer.status_code, answer.json()["errors"][0]["code"] if "errors" in answer.json() else ""


def test_sk6_who_applies_who_decides_and_who_is_helped_are_different_people(town: Town) -> None:
    holder, partner = town.holder(1), town.holder(2)
    household = {"size": 2, "members": [holder, partner]}
    application = town.apply(holder, amount=10_000, months=10, household=household)

    assert decided(town.client(Role.CASEWORKER, "hanna"), application) == (403, "involved")
    for member in (holder, partner):
        assert decided(town.client(Role.CASEWORKER, "olga", holder_id=member), application) == (403, "involved")
    assert decided(town.helper, application)[0] == 403
    assert decided(town.officer, "no-id") == (404, "unknownApplication")
    assert decided(town.officer, application) == (201, "")
    assert decided(town.second_officer, application) == (409, "notSubmitted")


def test_sk1_of_two_decisions_at_once_on_people_who_share_a_household_one_passes(town: Town) -> None:
    anna, bart, carl = town.holder(1), town.holder(2), town.holder(3)
    # Bart is in both households; each could be lent 2,500.00, not both.
    first = town.apply(bart, amount=250_000, household={"size": 2, "members": [anna, bart]})
    second = town.apply(carl, amount=150_000, household={"size": 2, "members": [bart, carl]})
    third = town.apply(bart, amount=150_000, household={"size": 2, "members": [bart, carl]})

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda one: decided(town.officer, one), (first, third, third)))
    assert sorted(answers, key=str).count((201, "")) == 1, answers
    assert {code for _, code in answers} <= {"", "overCap", "notSubmitted"}

    town.settle()
    lent = town.get("/portfolio")["outstanding"]
    assert lent in (150_000, 250_000)
    # What Bart owes counts for Carl: 2,500.00 less 1,500.00 is not enough for another 1,500.00 either.
    assert decided(town.officer, second) == (409, "overCap")
    shown = town.get(f"/applications/{second}")
    assert (shown["state"], shown["decision"]) == ("submitted", None)
    assert decided(town.officer, second, {"outcome": "refused", "reason": "Er is geen ruimte."}) == (201, "")
    town.assert_agrees()


def test_sk11_a_loan_names_a_product_with_a_legal_basis_on_that_day(town: Town) -> None:
    holder = town.holder()
    first, second = (town.apply(holder, amount=10_000, months=10) for _ in range(2))
    assert decided(town.officer, first, {**LOAN, "product": None}) == (409, "productMissing")
    assert decided(town.officer, first, {**LOAN, "product": "persoonlijke-lening"}) == (409, "noLegalBasis")
    assert decided(town.officer, first, {**LOAN, "outcome": "gift"}) == (409, "productNotForThis")
    assert decided(town.officer, first, {**LOAN, "reason": " "})[0] == 400
    assert decided(town.officer, first, {**LOAN, "months": 0}) == (409, "monthsOutOfRange")
    for day in ("2026-09-01", "2027-03-02"):
        assert decided(town.officer, first, {**LOAN, "firstDueOn": day}) == (409, "firstDueOutOfRange")

    last = {**LOAN, "product": "anbi-vrijstelling"}
    town.today("2026-11-20")
    assert decided(town.officer, first, last) == (409, "noLegalBasis")
    town.today("2026-11-19")
    assert decided(town.officer, second, last) == (201, "")
    decision = town.get(f"/applications/{second}")["decision"]
    assert (decision["product"], decision["legalBasis"]) == (
        "anbi-vrijstelling",
        "Vrijstellingsregeling Wft, artikel 3a",
    )
    assert "anbi-vrijstelling" in decision["letter"]


def test_the_first_instalment_is_a_month_later_or_on_the_last_day_that_there_is(town: Town) -> None:
    holder = town.holder()
    first, second = (town.apply(holder, amount=30_000, months=4) for _ in range(2))
    town.today("2027-01-31")
    later = town.decide(first)
    chosen = town.decide(second, firstDueOn="2027-03-31", months=3)

    def days(loan: str) -> list[str]:
        return [one["dueOn"] for one in town.get(f"/loans/{loan}")["instalments"]]

    assert days(later["loanId"]) == ["2027-02-28", "2027-03-28", "2027-04-28", "2027-05-28"]
    assert days(chosen["loanId"]) == ["2027-03-31", "2027-04-30", "2027-05-31"]


def test_sk7_a_refusal_says_why_and_until_when_to_object_and_a_gift_is_paid_out_of_the_fund(town: Town) -> None:
    holder = town.holder()
    refused, given, lent = (town.apply(holder, amount=40_000, months=None) for _ in range(3))

    no = town.decide(refused, "refused", reason="De huur is al betaald.")
    assert (no["loanId"], no["giftId"], no["objectUntil"]) == (None, None, "2026-10-13")
    letter = town.get(f"/applications/{refused}")["decision"]["letter"]
    assert "u krijgt de gevraagde € 400,00 niet" in letter
    assert "De huur is al betaald." in letter and "13 oktober 2026" in letter

    gift = town.decide(given, "gift")["giftId"]
    assert decided(town.officer, lent) == (409, "monthsMissing")
    loan = town.decide(lent, months=10)["loanId"]
    shown = town.get(f"/gifts/{gift}", town.client(Role.PASS_HOLDER, "piet", holder_id=holder))
    assert (shown["amount"], shown["bookedOn"], shown["creditors"][0]["state"]) == (40_000, "2026-09-01", "owed")
    assert town.client(Role.HELPER, "harm").get(f"/gifts/{gift}").status_code == 404
    balances = town.balances()
    assert (balances["fund"], balances["lent"], balances[f"loan:{loan}:outstanding"]) == (920_000, 40_000, -40_000)
    assert balances[f"payable:{shown['creditors'][0]['payeeId']}:krediet"] == 40_000
    posted = town.wallet_auditor.get("/accounts/fund:sociaal-krediet/transactions").json()["items"]
    assert [(one["kind"], one["amount"]) for one in posted][:2] == [
        ("loan-disbursement", -40_000),
        ("gift-disbursement", -40_000),
    ]
    report = town.get("/portfolio")
    assert (report["gifts"], report["given"], report["loans"]) == (1, 40_000, 1)
    town.assert_agrees()


def test_a_fund_with_too_little_shows_on_the_loan_and_goes_on_after_a_deposit(town: Town) -> None:
    holders = [town.holder(number) for number in range(1, 8)]
    for holder in holders[:5]:
        town.loan(holder)
    # 10,000.00 less five times 1,750.00 leaves 1,250.00.
    loan = town.loan(holders[5])
    gift = town.decide(town.apply(holders[6], amount=130_000, months=None), "gift")["giftId"]
    shown = town.get(f"/loans/{loan}")
    assert (shown["bookedOn"], shown["creditors"][0]["state"]) == (None, "asked") and shown["problem"]
    assert town.get(f"/gifts/{gift}")["problem"]
    # Its receivable waits behind it, so the ledger says 1,750.00 less, and the report says that it is on its way.
    report = town.get("/portfolio", town.auditor)
    assert report["outstanding"] == 6 * 175_000
    assert report["ledger"] == {"lent": 5 * 175_000, "onItsWay": 175_000, "difference": 0}

    town.deposit(180_000)
    waiting = town.get("/outbox", town.finance)["items"]
    assert [one["subject"] for one in waiting] == [f"loan/{loan}", f"gift/{gift}"]
    for message in waiting:
        assert town.finance.post(f"/outbox/{message['id']}/resumptions").status_code == 202
    town.settle()
    shown = town.get(f"/loans/{loan}")
    assert (shown["bookedOn"], shown["problem"], shown["creditors"][0]["state"]) == ("2026-09-01", None, "owed")
    assert town.get(f"/gifts/{gift}")["problem"] is None
    assert town.balances().get("fund", 0) == 0
    town.assert_agrees()


def test_the_database_itself_keeps_the_cap_and_who_decides(town: Town, sociaal_krediet_db: ServiceDatabase) -> None:
    holder = town.holder()
    application = town.apply(holder, amount=100_000, months=10)
    decide = (
        "INSERT INTO sociaal_krediet.decision (id, application_id, applied_by, outcome, product, legal_basis, reason,"
        " amount, cap, outstanding, decided_by, decided_on, decided_at, object_until)"
        " SELECT gen_random_uuid(), id, applied_by, 'loan', 'leenbijstand', 'wet', 'omdat', amount, 175000, %s, %s,"
        " '2026-09-01', now(), '2026-10-13' FROM sociaal_krediet.application WHERE id = %s"
    )

    def refuse(message: str, statement: str, *values: Any) -> None:
        with psycopg.connect(sociaal_krediet_db.owner_url) as connection, pytest.raises(psycopg.Error, match=message):
            connection.execute(statement, values)  # type: ignore[arg-type]

    refuse("decision_below_cap", decide, 75_001, "olga", application)
    refuse("decision_by_another", decide, 0, "hanna", application)
    town.loan(holder, amount=80_000, months=10)
    # Whoever says that nothing is outstanding is corrected by the loans themselves: 800.00 and 1,000.00 is too much.
    refuse("goes over the cap", decide, 0, "olga", application)
    refuse(
        "loan_of_decision", "UPDATE sociaal_krediet.loan SET principal = principal + 1, outstanding = outstanding + 1"
    )
    refuse("never changed", "UPDATE sociaal_krediet.decision SET reason = 'anders'")
    refuse("never changed", "TRUNCATE sociaal_krediet.fact CASCADE")
    refuse("loan_adds_up", "UPDATE sociaal_krediet.loan SET outstanding = outstanding - 1")
