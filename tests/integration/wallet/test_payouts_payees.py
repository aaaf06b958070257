"""Payout batches that pay payees: from what they are owed, under their reference, told to their scheme (PO-1, PO-2, SK-8)."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from lxml import etree

from foundation.access import Role
from tests.integration.wallet.payees_house import HELPER, OFFICER, PayeesHouse
from tests.integration.wallet.payouts_house import CURRENT, NOBODY, OUTGOING, House, code_of, counts
from wallet.payouts.rules import content_hash

RF = "RF18 5390 0754 7034"


@pytest.fixture
def owed(payees: PayeesHouse) -> tuple[str, str]:
    """Two creditors of one loan, owed 600.00 and 663.90, on 1 October 2026."""
    energy = payees.payee(1, 60_000, reference=RF)
    landlord = payees.payee(2, 66_390, reference="Huur september, klant 88")
    payees.house.today("2026-10-01")
    return energy, landlord


def remittances(file: bytes) -> list[dict[str, str | None]]:
    """Give the remittance of every payment in a SEPA file."""
    return [
        {etree.QName(node).localname: node.text for node in one.iter() if not len(node)}
        for one in etree.fromstring(file).iter("{*}RmtInf")
    ]


def test_creditors_and_a_borrower_are_paid_in_one_batch_and_one_payment_comes_back(
    house: House, payees: PayeesHouse, owed: tuple[str, str]
) -> None:
    energy, landlord = owed
    plain = payees.payee(3, 100)
    house.today("2026-09-01")
    borrower = house.holder(4)
    house.put(borrower, 500, "krediet")
    house.today("2026-10-05")
    drafted = house.draft("2026-10-05", purse="krediet")
    # 600.00 + 663.90 + 1.00 + 5.00
    assert (drafted["lines"], drafted["total"], drafted["excluded"]) == (4, 126_990, [])
    batch = drafted["id"]
    submitted = house.submit(batch)
    assert house.balances()[f"payable:{energy}:krediet"] == (60_000, 60_000)
    house.approve(batch, submitted["contentHash"])
    assert payees.announced() == []
    house.send(batch)
    assert house.balances() == {OUTGOING: (126_990, 0), CURRENT: (-126_990, 0)}

    lines = {line["payee"] or line["holder"]: line for line in house.lines(batch)}
    assert (lines[energy]["holder"], lines[borrower]["payee"]) == (None, None)
    assert (lines[energy]["name"], lines[energy]["reference"]) == ("Schuldeiser 1", RF)
    file = house.auditor.get(f"/payout-batches/{batch}/pain001").content
    number = drafted["number"]
    assert sorted(map(str, remittances(file))) == sorted(
        map(
            str,
            [
                {"Cd": "SCOR", "Issr": "ISO", "Ref": "RF18539007547034"},
                {"Ustrd": "Huur september, klant 88"},
                {"Ustrd": f"Sociaal krediet, uitbetaling {number}"},
                {"Ustrd": f"Sociaal krediet, uitbetaling {number}"},
            ],
        )
    )
    assert [node.text for node in etree.fromstring(file).iterfind(".//{*}Purp/{*}Cd")] == ["LOAN"] * 4

    statement = house.statement(batch, returns=[{"payee": landlord, "reason": "AC04"}])
    assert house.read(statement) == counts(matched=1, returned=1)
    assert house.balances() == {f"payable:{landlord}:krediet": (66_390, 0), CURRENT: (-66_390, 0)}
    assert house.state(batch) == "settled"

    told = [(one["payee"], one["state"], one["amount"], one["reason"]) for one in payees.announced()]
    assert sorted(told[:3]) == sorted((payee, "sent", amount, None) for payee, amount in (
        (energy, 60_000), (landlord, 66_390), (plain, 100),
    ))  # fmt: skip
    assert sorted(told[3:], key=str) == sorted(
        [(energy, "settled", 60_000, None), (plain, "settled", 100, None), (landlord, "settled", 66_390, None),
         (landlord, "returned", 66_390, "AC04")],
        key=str,
    )  # fmt: skip
    assert payees.announced()[0] == {
        **payees.announced()[0],
        "line": lines[payees.announced()[0]["payee"]]["id"],
        "batch": batch,
        "asset": "EUR",
        "purse": "krediet",
        "on": "2026-10-05",
    }
    shown = payees.helper.get(f"/payees/{landlord}").json()
    assert shown["payables"] == [{"purse": "krediet", "asset": "EUR", "balance": 66_390, "held": 0}]
    assert shown["payments"] == [
        {
            "batchId": batch,
            "lineId": lines[landlord]["id"],
            "purse": "krediet",
            "state": "returned",
            "amount": 66_390,
            "asset": "EUR",
            "reason": "AC04",
            "reasonText": "Rekening is opgeheven",
        }
    ]
    # What came back is paid again in the next batch, newest payment first.
    again = house.draft("2026-10-06", purse="krediet", payees=[landlord])
    assert (again["lines"], again["total"]) == (1, 66_390)
    states = [one["state"] for one in payees.helper.get(f"/payees/{landlord}").json()["payments"]]
    assert states == ["drafted", "returned"]


def test_a_rejected_payment_is_owed_again_and_told_with_its_reason(
    house: House, payees: PayeesHouse, owed: tuple[str, str]
) -> None:
    batch = house.sent(purse="krediet")
    assert house.read(house.status_report(batch, rejects=[{"payee": owed[0], "reason": "AC01"}])) == counts(returned=1)
    assert house.balances()[f"payable:{owed[0]}:krediet"] == (60_000, 0)
    last = payees.announced()[-1]
    assert (last["payee"], last["state"], last["reason"], last["on"]) == (owed[0], "rejected", "AC01", "2026-10-01")
    # Its status alone is no news.
    before = len(payees.announced())
    house.read(house.status_report(batch))
    assert len(payees.announced()) == before


def test_only_those_named_are_paid_and_each_other_is_named_with_the_reason(
    house: House, payees: PayeesHouse, owed: tuple[str, str]
) -> None:
    energy, landlord = owed
    blocked = payees.payee(3, 100)
    house.caseworker.post(f"/payees/{blocked}/blocks", json={"reason": "Spookfactuur"})
    cooling, unconfirmed, empty = payees.payee(4, 100), payees.register(5)["id"], payees.payee(6)
    payees.owe(unconfirmed, 100)
    person = house.holder(7)
    drafted = house.draft(purse="krediet", payees=[energy, blocked, cooling, unconfirmed, empty], holders=[person])
    assert (drafted["lines"], drafted["total"]) == (1, 60_000)
    reasons = {row.get("payee") or row["holder"]: row["reason"] for row in drafted["excluded"]}
    assert reasons == {
        blocked: "blocked",
        cooling: "coolingOff",
        unconfirmed: "noConfirmedIban",
        empty: "nothingAvailable",
        person: "nothingAvailable",
    }
    assert [set(row) for row in drafted["excluded"] if row["reason"] == "blocked"] == [{"payee", "reason"}]
    # PO-3: what is in a batch that was not sent is in no other.
    second = house.draft(purse="krediet", payees=[energy, landlord])
    assert (second["total"], second["excluded"]) == (66_390, [{"payee": energy, "reason": "inOtherBatch"}])
    line = house.lines(second["id"])[0]
    assert (line["payee"], line["reference"], line["state"]) == (landlord, "Huur september, klant 88", "drafted")


def test_what_cannot_be_paid_to_whom_is_said_clearly(house: House, payees: PayeesHouse, owed: tuple[str, str]) -> None:
    person = house.holder(1)

    def refused(**body: Any) -> tuple[int, str, str]:
        answer = house.maker.post("/payout-batches", json={"purse": "krediet", "executeOn": "2026-10-01", **body})
        return answer.status_code, code_of(answer), answer.json()["detail"]

    assert refused(payees=[owed[0], NOBODY])[:2] == (409, "unknownPayee")
    assert refused(payees=[person])[:2] == (409, "unknownPayee")
    assert refused(holders=[owed[0]])[:2] == (409, "unknownHolder")
    assert refused(payees=[])[:2] == (400, "malformed")
    assert refused(purse="meedoen", holders=[person])[:2] == (409, "purseNotPayable")
    status, code, detail = refused(purse="zwemlessen", payees=[owed[0]])
    assert (status, code) == (409, "purseNotPayable")
    assert "LESSON" in detail


def test_dp9_a_batch_of_a_credit_pays_who_accepted_it_and_leaves_the_purses_alone(
    house: House, payees: PayeesHouse
) -> None:
    person, club = house.holder(1), payees.payee(2, 4_000, purse="meedoen")
    house.put(person, 30_000, "meedoen")
    house.today("2026-10-01")
    drafted = house.draft(purse="meedoen")
    assert (drafted["lines"], drafted["total"], drafted["excluded"]) == (1, 4_000, [])
    assert house.lines(drafted["id"])[0]["payee"] == club


def test_a_batch_of_call_costs_pays_the_provider_and_never_a_person(house: House, payees: PayeesHouse) -> None:
    person, provider = house.holder(1), payees.payee(2, 4_000, purse="belkosten")
    house.put(person, 1_000, "belkosten")
    house.today("2026-10-01")
    body = {"purse": "belkosten", "executeOn": "2026-10-01", "holders": [person]}
    refused = house.maker.post("/payout-batches", json=body)
    assert (refused.status_code, code_of(refused)) == (409, "purseNotPayable")
    drafted = house.draft(purse="belkosten")
    assert (drafted["lines"], drafted["total"], drafted["excluded"]) == (1, 4_000, [])
    assert house.lines(drafted["id"])[0]["payee"] == provider


def test_sk6_who_entered_or_confirmed_an_account_neither_makes_approves_nor_sends_its_payment(
    house: House, owed: tuple[str, str], wallet_superuser_url: str
) -> None:
    body = {"purse": "krediet", "executeOn": "2026-10-01"}
    for person in (HELPER, OFFICER):
        answer = house.client(Role.FINANCE_MAKER, person).post("/payout-batches", json=body)
        assert (answer.status_code, code_of(answer)) == (403, "ownPayee")
    batch = house.draft(purse="krediet")["id"]
    submitted = house.submit(batch)
    for person in (HELPER, OFFICER):
        checker = house.client(Role.FINANCE_CHECKER, person)
        answer = checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": submitted["contentHash"]})
        assert (answer.status_code, code_of(answer)) == (403, "ownPayee")
        with (
            psycopg.connect(wallet_superuser_url) as connection,
            pytest.raises(psycopg.errors.RestrictViolation, match=f"{person} entered or confirmed"),
        ):
            connection.execute(
                "INSERT INTO payouts.approval SELECT id, %s, maker, content_hash, now() FROM payouts.batch", (person,)
            )
    house.approve(batch, submitted["contentHash"])
    for person in (HELPER, OFFICER):
        answer = house.client(Role.FINANCE_MAKER, person).post(
            f"/payout-batches/{batch}/sendings", json={"channel": "sepa"}
        )
        assert (answer.status_code, code_of(answer)) == (403, "ownPayee")
        with psycopg.connect(wallet_superuser_url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(
                "UPDATE payouts.batch SET sender = %s, channel = 'sepa', sending_on = '2026-10-01', sending_at = now()",
                (person,),
            )
    house.send(batch)


def test_sk6_a_maker_who_answers_for_a_new_account_after_drafting_does_not_submit(
    house: House, payees: PayeesHouse, owed: tuple[str, str]
) -> None:
    batch = house.draft("2026-10-05", purse="krediet")["id"]
    mara = payees.service(on_behalf_of="mara")
    changed = payees.helper.post(f"/payees/{owed[0]}/ibans", json={"iban": "NL91ABNA0417164300"}).json()
    confirmed = mara.post(f"/payees/{owed[0]}/confirmations", json={"ibanId": changed["id"]})
    assert confirmed.json()["usableFrom"] == "2026-10-04"
    house.today("2026-10-05")
    answer = house.maker.post(f"/payout-batches/{batch}/submissions")
    assert (answer.status_code, code_of(answer)) == (403, "ownPayee")
    assert house.balances()[f"payable:{owed[0]}:krediet"] == (60_000, 0)
    assert house.withdraw(batch)["state"] == "withdrawn"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payouts.line SET reference = 'RF71'",
        "UPDATE payouts.line SET holder_kind = 'person'",
        "UPDATE holders.holder SET kind = 'person', reference = NULL, scheme = NULL WHERE kind = 'payee'",
    ],
)
def test_the_database_itself_keeps_who_is_paid_and_under_which_reference(
    house: House, owed: tuple[str, str], wallet_owner_url: str, statement: str
) -> None:
    house.submit(house.draft(purse="krediet")["id"])
    with psycopg.connect(wallet_owner_url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)  # type: ignore[arg-type]


def test_a_batch_that_was_frozen_before_there_were_payees_is_still_what_was_submitted(
    house: House, three: list[str], wallet_superuser_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = house.draft()["id"]
    with monkeypatch.context() as earlier:
        earlier.setattr("wallet.payouts.rules.CONTENT_VERSION", 1)
        earlier.setattr("wallet.payouts.rules.content_hash", lambda header, lines: content_hash(header, lines, 1))
        submitted = house.submit(batch)
    with psycopg.connect(wallet_superuser_url) as connection:
        assert connection.execute("SELECT content_version FROM payouts.batch").fetchall() == [(1,)]
    assert house.approve(batch, submitted["contentHash"])["state"] == "approved"
    assert house.send(batch)["state"] == "sent"
