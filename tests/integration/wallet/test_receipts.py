"""Money that comes in at the bank: booked for its scheme once, announced once, and never a name with it (SK-12)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from tests.integration.wallet.lending_house import CLEARING, CURRENT, ONE, TWO, UNREGISTERED, LendingHouse
from tests.integration.wallet.payouts_house import House, code_of


@pytest.fixture
def lending(house: House) -> LendingHouse:
    """With two loans that are paid back under a reference."""
    made = LendingHouse(house)
    for reference, subject in ((ONE, "loan/1"), (TWO, "loan/2")):
        assert made.register(reference, subject).status_code == 201
    return made


THREE = (
    {"reference": ONE, "amount": 4_861},
    {"reference": TWO, "amount": 5_000, "bookedOn": "2026-08-31", "unstructured": True},
    {"reference": UNREGISTERED, "amount": 700},
)


def test_sk_12_what_came_in_under_a_reference_stands_apart_for_its_scheme_and_is_announced(
    lending: LendingHouse,
) -> None:
    message = lending.read(lending.statement(*THREE))
    assert [message[name] for name in ("matched", "returned", "unknown", "repeated")] == [2, 0, 1, 0]
    balances = lending.house.balances()
    # 48.61 + 50.00 came in; the 5,000.00 of the fund came from the same account.
    assert (balances[CLEARING], balances[CURRENT]) == ((9_861, 0), (-509_861, 0))
    entries = lending.auditor.get(f"/bank-messages/{message['id']}/entries").json()["items"]
    assert [(entry["outcome"], entry["note"], entry["paymentReference"]) for entry in entries] == [
        ("matched", None, ONE),
        ("matched", None, TWO),
        ("unknown", "unknownReference", None),
    ]
    booked = lending.auditor.get(f"/accounts/{CLEARING}/transactions").json()["items"]
    assert [(one["kind"], one["amount"], one["reference"], one["counterAccount"]) for one in booked] == [
        ("receipt", 5_000, TWO, CURRENT),
        ("receipt", 4_861, ONE, CURRENT),
    ]
    contents = [(one["kind"], one["content"]) for one in lending.waiting()]
    keys = [one["grantKey"].removeprefix("receipt/") for one in reversed(booked)]
    assert contents == [
        (
            "receipt",
            {"reference": ONE, "subject": "loan/1", "amount": 4_861, "asset": "EUR", "receivedOn": "2026-09-01",
             "entry": keys[0]},
        ),
        (
            "receipt",
            {"reference": TWO, "subject": "loan/2", "amount": 5_000, "asset": "EUR", "receivedOn": "2026-08-31",
             "entry": keys[1]},
        ),
    ]  # fmt: skip


def test_a_statement_read_again_or_a_booking_on_another_statement_books_nothing_more(lending: LendingHouse) -> None:
    statement = lending.statement(*THREE)
    assert lending.counts(statement) == (2, 0, 1, 0)
    assert lending.counts(statement) == (0, 0, 0, 3)
    # Another statement with the same three bookings and, of the first payer, one of the month after.
    longer = lending.statement(*THREE, {"reference": ONE, "amount": 4_861, "bookedOn": "2026-09-30"})
    assert lending.counts(longer) == (1, 0, 1, 2)
    assert lending.house.balances()[CLEARING] == (14_722, 0)
    assert [one["content"]["amount"] for one in lending.waiting()] == [4_861, 5_000, 4_861]
    # Registered afterwards, what was not understood is booked when its statement is read again.
    assert lending.register(UNREGISTERED, "loan/3").status_code == 201
    assert lending.counts(statement) == (1, 0, 0, 2)
    assert lending.counts(longer) == (0, 0, 0, 4)
    assert lending.house.balances()[CLEARING] == (15_422, 0)


def test_two_statements_with_the_same_booking_read_at_once_book_it_once(lending: LendingHouse) -> None:
    receipt = {"reference": ONE, "amount": 4_861}
    statements = [lending.statement(receipt, {"reference": TWO, "amount": amount}) for amount in (1, 2, 3)]
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lending.counts, statements))
    assert sorted(counts) == [(1, 0, 0, 1), (1, 0, 0, 1), (2, 0, 0, 0)]
    assert lending.house.balances()[CLEARING] == (4_861 + 6, 0)


def test_an_announcement_is_taken_once_by_the_scheme_that_it_is_for(lending: LendingHouse) -> None:
    lending.counts(lending.statement(*THREE))
    first, second = (one["id"] for one in lending.waiting())
    assert lending.scheme.get("/announcements?limit=1").json()["items"][0]["id"] == first
    assert lending.waiting(lending.other) == []

    def take(*ids: str, by: str = "sociaal-krediet") -> int:
        client = lending.scheme if by == "sociaal-krediet" else lending.other
        answer = client.post("/announcements/takings", json={"ids": ids})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["taken"])

    assert take(first, second, by="burgerbudget") == 0
    assert take(first, str(uuid4())) == 1
    assert [one["id"] for one in lending.waiting()] == [second]
    assert [take(first, second), take(first, second)] == [1, 0]
    assert lending.waiting() == []
    assert lending.scheme.post("/announcements/takings", json={"ids": []}).status_code == 400
    assert lending.maker.get("/announcements").status_code == 403


def test_an_announcement_stays_what_it_was(lending: LendingHouse, wallet_owner_url: str) -> None:
    lending.counts(lending.statement(*THREE))
    take = "UPDATE payouts.announcement SET taken_at = clock_timestamp()"
    with psycopg.connect(wallet_owner_url, autocommit=True) as db:
        for statement in (
            "UPDATE payouts.announcement SET content = '{}'",
            f"{take}, content = '{{}}'",
            f"{take}, scheme = 'burgerbudget'",
            "UPDATE payouts.announcement SET taken_at = NULL",
            "DELETE FROM payouts.announcement",
            "UPDATE payouts.payment_reference SET subject = 'loan/9'",
        ):
            with pytest.raises(psycopg.errors.RestrictViolation):
                db.execute(statement)
        assert db.execute(take).rowcount == 2
        with pytest.raises(psycopg.errors.RestrictViolation):
            db.execute(take)


def test_nothing_is_kept_of_who_paid(lending: LendingHouse, wallet_superuser_url: str) -> None:
    payer = b"<RltdPties><Dbtr><Pty><Nm>J. Jansen</Nm></Pty></Dbtr></RltdPties><RmtInf>"
    statement = lending.statement(THREE[0], THREE[1]).replace(b"<RmtInf>", payer)
    statement = statement.replace(b"met dank", b"NL91ABNA0417164300")
    assert lending.counts(statement) == (2, 0, 0, 0)
    with psycopg.connect(wallet_superuser_url) as db:
        for table in ("payouts.bank_entry", "payouts.announcement", "ledger.entry", "ledger.journal"):
            for (row,) in db.execute(f"SELECT t::text FROM {table} t").fetchall():
                assert "Jansen" not in row
                assert "NL91" not in row


def test_what_the_bank_booked_is_not_taken_back_by_hand(lending: LendingHouse) -> None:
    lending.counts(lending.statement(THREE[0]))
    [booked] = lending.auditor.get(f"/accounts/{CLEARING}/transactions").json()["items"]
    refused = lending.maker.post(f"/transfers/{booked['id']}/reversals", json={"reason": "fout"})
    assert (refused.status_code, code_of(refused)) == (409, "payoutNotReversible")


def test_the_return_of_a_payment_that_names_a_reference_too_stays_a_return(lending: LendingHouse) -> None:
    holder = lending.house.holder(1, 4_861)
    lending.house.today("2026-10-01")
    batch = lending.house.sent()
    statement = lending.statement(THREE[0], batchId=batch, returns=[{"holder": holder}])
    named = f"<RmtInf><Strd><CdtrRefInf><Ref>{ONE}</Ref></CdtrRefInf></Strd></RmtInf><RtrInf>".encode()
    # The debit of the batch and the receipt are matched; the return is no second receipt.
    assert lending.counts(statement.replace(b"<RtrInf>", named)) == (2, 1, 0, 0)
    assert lending.house.balances()[CLEARING] == (4_861, 0)
    assert lending.house.vrij(holder) == (4_861, 0)


def test_a_statement_of_nothing_is_not_written(lending: LendingHouse) -> None:
    for body in ({}, {"returns": [{"holder": str(uuid4())}]}, {"receipts": []}):
        assert lending.maker.post("/stand-in-bank/statements", json=body).status_code == 400
