"""Lending in the ledger: what is owed, what is lent and the fund move together, and only the scheme that lends moves them."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.integration.wallet.lending_house import CLEARING, CURRENT, FUND, LENT, ONE, STRIPE, LendingHouse
from tests.integration.wallet.payouts_house import House, code_of


@pytest.fixture
def lending(house: House) -> LendingHouse:
    return LendingHouse(house)


def test_the_account_of_a_loan_opens_once_on_its_own_terms_for_the_scheme_that_lends(lending: LendingHouse) -> None:
    loan = str(uuid4())
    asked = {"loan": loan, "principal": 175_000}
    for _ in range(2):
        answer = lending.scheme.post("/loan-accounts", json=asked)
        assert (answer.status_code, answer.json()) == (201, {"address": f"loan:{loan}:outstanding"})
    other = lending.scheme.post("/loan-accounts", json={**asked, "principal": 175_001})
    assert (other.status_code, code_of(other)) == (409, "otherTerms")
    assert lending.scheme.post("/loan-accounts", json={**asked, "principal": 0}).status_code == 400
    refused = lending.other.post("/loan-accounts", json=asked)
    assert (refused.status_code, code_of(refused)) == (403, "outsideScope")


def test_sk_a_loan_is_paid_out_owed_repaid_bounced_and_remitted_and_the_sums_agree(lending: LendingHouse) -> None:
    loan = lending.loan(175_000)
    creditors = [
        lending.scheme.post("/payables", json={"provider": name}).json()["owner"] for name in ("wonen", "zorg")
    ]
    paid = [(FUND, f"{creditors[0]}:krediet", 125_000), (FUND, f"{creditors[1]}:krediet", 50_000)]
    done = [
        lending.post("loan-disbursement", *paid),
        lending.post("loan-receivable", (loan, LENT, 175_000)),
        lending.post("loan-repayment", (CURRENT, FUND, 4_861), (LENT, loan, 4_861)),
        lending.post("loan-repayment", (STRIPE, FUND, 50_000), (LENT, loan, 50_000)),
        lending.post("loan-bounce", (FUND, STRIPE, 50_000), (loan, LENT, 50_000)),
        lending.post("loan-remission", (LENT, loan, 70_139)),
    ]
    assert [answer.status_code for answer in done] == [201] * 6
    # Lent 1,750.00, repaid 48.61 and 500.00, of which 500.00 bounced, remitted 701.39: owed 1,000.00.
    assert lending.scheme.get(f"/accounts/{loan}").json()["balance"] == -100_000
    assert lending.scheme.get(f"/accounts/{LENT}").json()["balance"] == 100_000
    # 5,000.00 - 1,750.00 + 48.61.
    assert lending.scheme.get("/funds/sociaal-krediet").json()["available"] == 329_861
    # 500.00 came in at Stripe and went back.
    assert STRIPE not in lending.house.balances()


def test_no_more_is_owed_than_was_lent_and_no_more_repaid_than_is_owed(lending: LendingHouse) -> None:
    loan = lending.loan(10_000)
    assert lending.post("loan-receivable", (loan, LENT, 10_000)).status_code == 201
    again = lending.post("loan-receivable", (loan, LENT, 1))
    assert (again.status_code, code_of(again)) == (409, "tooLittle")
    assert lending.post("loan-receivable", (lending.loan(500), LENT, 500)).status_code == 201
    over = lending.post("loan-repayment", (LENT, loan, 10_001))
    assert (over.status_code, code_of(over)) == (409, "overCeiling")


@pytest.mark.parametrize(
    ("kind", "source", "destination"),
    [
        ("loan-refund", CLEARING, CURRENT),
        ("loan-bounce", FUND, CURRENT),
        ("loan-disbursement", CURRENT, FUND),
        ("loan-remission", FUND, STRIPE),
        ("loan-repayment", "bank:outgoing", FUND),
        ("loan-repayment", FUND, "fund:burgerbudget"),
    ],
)
def test_a_bank_is_reached_on_its_side_and_in_its_kinds_alone(
    lending: LendingHouse, kind: str, source: str, destination: str
) -> None:
    refused = lending.post(kind, (source, destination, 1))
    assert (refused.status_code, code_of(refused)) == (403, "outsideScope")


def test_a_scheme_sees_its_own_fund_and_accounts_and_nothing_of_another(lending: LendingHouse) -> None:
    loan = lending.loan(500)
    paths = [f"/accounts/{loan}", f"/accounts/{LENT}", f"/accounts/{FUND}", "/funds/sociaal-krediet"]
    assert [lending.scheme.get(path).status_code for path in paths] == [200] * 4
    assert [lending.auditor.get(path).status_code for path in paths] == [200] * 4
    assert [lending.other.get(path).status_code for path in paths] == [404] * 4
    assert lending.scheme.get(f"/accounts/{CURRENT}").status_code == 404
    assert lending.scheme.get("/accounts").status_code == 403
    assert lending.scheme.get(f"/accounts/{loan}/transactions").status_code == 403


def test_what_agrees_with_a_schedule_is_not_moved_by_hand(lending: LendingHouse) -> None:
    loan = lending.loan(10_000)
    posted = lending.post("loan-receivable", (loan, LENT, 10_000)).json()["transfers"][0]["id"]
    for source, destination in ((LENT, loan), (LENT, FUND), (FUND, loan)):
        refused = lending.post("manual", (source, destination, 1), by=lending.maker, reason="correctie")
        assert (refused.status_code, code_of(refused)) == (409, "loanByHand")
    refused = lending.maker.post(f"/transfers/{posted}/reversals", json={"reason": "fout"})
    assert (refused.status_code, code_of(refused)) == (409, "loanByHand")


def test_the_database_itself_refuses_a_loan_on_other_terms(lending: LendingHouse, wallet_owner_url: str) -> None:
    loan = uuid4()
    open_account = "SELECT ledger.open_account(%s, 'EUR', 'loan', %s, %s, 10)"
    for floor, ceiling in ((0, 0), (-100, None), (None, 0), (-100, 100), (-100, 0)):
        with psycopg.connect(wallet_owner_url) as db, pytest.raises(psycopg.errors.RestrictViolation), db.transaction():
            db.execute(open_account, (f"loan:{loan}:outstanding", floor, ceiling))
    with psycopg.connect(wallet_owner_url) as db:
        with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
            db.execute("SELECT ledger.open_account('debt:1', 'EUR', 'loan', -100, 0, 10)")
        with pytest.raises(psycopg.errors.CheckViolation), db.transaction():
            db.execute("SELECT ledger.open_account('loan:1', 'EUR', 'system', -100, 0, 10)")
        with pytest.raises(psycopg.errors.RestrictViolation), db.transaction():
            db.execute("SELECT ledger.open_account(%s, 'EUR', 'loan', -100, 0, 10)", (f"loan:{loan}:outstanding",))
            db.execute("INSERT INTO ledger.loan SELECT %s, max(id), 101 FROM ledger.account", (loan,))
        # With its loan beside it, and the floor of its principal, it stands.
        assert db.execute("SELECT ledger.open_loan(%s, 100)", (loan,)).fetchall() == [(f"loan:{loan}:outstanding",)]


def test_a_reference_is_one_subject_of_one_scheme(lending: LendingHouse) -> None:
    registered = {"reference": ONE, "scheme": "sociaal-krediet", "subject": "loan/1"}
    for written in (ONE, "rf18 5390 0754 7034"):
        answer = lending.register(written, "loan/1")
        assert (answer.status_code, answer.json()) == (201, registered)
    taken = lending.register(ONE, "loan/2")
    assert (taken.status_code, code_of(taken)) == (409, "referenceTaken")
    wrong = lending.register("RF17539007547034", "loan/1")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/reference")
    refused = lending.register(ONE, "loan/1", by=lending.other)
    assert (refused.status_code, code_of(refused)) == (403, "outsideScope")
