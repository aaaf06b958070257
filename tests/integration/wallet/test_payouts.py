"""Payout batches on a real database: from draft to the bank and back, by two people, never twice (PO-1 to PO-6)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from lxml import etree

from foundation.access import Caller, Role
from foundation.database import Database
from tests.integration.wallet.payouts_house import House, code_of, counts, example_iban, write_vault_keys
from tests.support.callers import Callers
from wallet.payouts import actions, rules
from wallet.payouts.settings import PayoutSettings

NOBODY = "01900000-0000-7000-8000-000000000000"
OUTGOING, CURRENT = "bank:outgoing", "bank:current"


@pytest.fixture
def house(
    wallet_database: Database,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """The house on 1 October 2026, a month after any IBAN was confirmed."""
    write_vault_keys(tmp_path / "vault.json")
    monkeypatch.setenv("STADSBEURS_VAULT_KEYS_FILE", str(tmp_path / "vault.json"))
    today("2026-09-01")
    return House(wallet_database, callers, today)


@pytest.fixture
def three(house: House) -> list[str]:
    """Three holders with 599.64, 0.05 and 1,000.00: together 1,599.69."""
    holders = [house.holder(number, vrij) for number, vrij in ((1, 59_964), (2, 5), (3, 100_000))]
    house.today("2026-10-01")
    return holders


def test_a_batch_goes_all_the_way_and_one_payment_comes_back(house: House, three: list[str]) -> None:
    anna, bram, cleo = three
    drafted = house.draft()
    batch = drafted["id"]
    assert (drafted["state"], drafted["lines"], drafted["total"], drafted["excluded"]) == ("draft", 3, 159_969, [])
    assert house.vrij(anna) == (59_964, 0)

    submitted = house.submit(batch)
    assert (submitted["state"], submitted["lines"], submitted["total"]) == ("submitted", 3, 159_969)
    assert [house.vrij(holder) for holder in three] == [(59_964, 59_964), (5, 5), (100_000, 100_000)]

    assert house.approve(batch, submitted["contentHash"])["state"] == "approved"
    sent = house.send(batch)
    assert sent["state"] == "sent"
    assert house.balances() == {OUTGOING: (159_969, 0), CURRENT: (-159_969, 0)}
    assert {line["state"] for line in house.lines(batch)} == {"sent"}

    file = house.checker.get(f"/payout-batches/{batch}/pain001")
    assert file.headers["content-type"] == "application/xml"
    assert hashlib.sha256(file.content).hexdigest() == file.headers["Content-SHA256"] == sent["sha256"]
    assert house.auditor.get(f"/payout-batches/{batch}/pain001").content == file.content

    statement = house.statement(batch, returns=[{"holder": anna, "reason": "AC04"}])
    assert house.read(statement) == counts(matched=1, returned=1)
    # Everything left; 599.64 came back to the account and stands in Anna's purse again.
    assert house.balances() == {f"holder:{anna}:vrij": (59_964, 0), CURRENT: (-59_964, 0)}
    assert house.state(batch) == "settled"
    lines = {line["holder"]: line for line in house.lines(batch)}
    assert (lines[anna]["state"], lines[anna]["reason"]) == ("returned", "AC04")
    assert lines[anna]["reasonText"] == "Rekening is opgeheven"
    assert [lines[holder]["state"] for holder in (bram, cleo)] == ["settled", "settled"]

    shown = house.auditor.get(f"/payout-batches/{batch}").json()
    assert [event["kind"] for event in shown["events"]] == ["drafted", "submitted", "approved", "sent", "settled"]
    assert [event["actor"] for event in shown["events"]] == ["mara", "mara", "chuck", "mara", "mara"]
    assert shown["perState"] == [
        {"state": "settled", "lines": 2, "total": 100_005},
        {"state": "returned", "lines": 1, "total": 59_964},
    ]
    explained = house.client(Role.PASS_HOLDER, "anna", holder_id=anna).get(f"/holders/{anna}/transactions").json()
    assert [(row["amount"], row["explanation"]) for row in explained["items"]][:2] == [
        (59_964, "Uitbetaling teruggekomen van de bank"),
        (-59_964, "Uitbetaling naar uw bankrekening"),
    ]


def test_a_file_read_twice_changes_nothing(house: House, three: list[str]) -> None:
    batch = house.sent()
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    assert house.read(statement) == counts(matched=1, returned=1)
    before = house.balances()
    for _ in range(2):
        assert house.read(statement) == counts(repeated=2)
    assert house.balances() == before


def test_a_return_on_a_later_statement_is_told_from_the_debit_that_stands_there_again(
    house: House, three: list[str]
) -> None:
    batch = house.sent()
    assert house.read(house.statement(batch)) == counts(matched=1)
    assert house.state(batch) == "settled"
    later = house.statement(batch, returns=[{"holder": three[2], "reason": "MD07"}])
    assert house.read(later) == counts(returned=1, repeated=1)
    assert house.vrij(three[2]) == (100_000, 0)
    assert house.state(batch) == "settled"


def test_rejected_payments_go_back_before_anything_was_debited(house: House, three: list[str]) -> None:
    batch = house.sent()
    report = house.status_report(batch, rejects=[{"holder": three[1], "reason": "AC01"}])
    assert house.read(report) == counts(returned=1)
    assert house.balances() == {f"holder:{three[1]}:vrij": (5, 0), OUTGOING: (159_964, 0), CURRENT: (-159_969, 0)}
    assert house.read(report) == counts(repeated=1)
    statement = house.statement(batch, rejects=[{"holder": three[1]}])
    assert house.read(statement) == counts(matched=1)
    assert house.state(batch) == "settled"
    assert house.balances() == {f"holder:{three[1]}:vrij": (5, 0), CURRENT: (-5, 0)}


def test_a_wholly_rejected_file_puts_everything_back(house: House, three: list[str]) -> None:
    batch = house.sent()
    message = rules.message_id(UUID(batch))
    report = (
        "<Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.002.001.10'><CstmrPmtStsRpt>"
        "<GrpHdr><MsgId>P1</MsgId></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd></Rsn>"
        "</StsRsnInf></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()
    assert house.read(report) == counts(returned=1)
    assert [house.vrij(holder)[0] for holder in three] == [59_964, 5, 100_000]
    assert {(line["state"], line["reason"]) for line in house.lines(batch)} == {("rejected", "FF01")}
    assert house.state(batch) == "settled"
    assert house.balances()[CURRENT] == (-159_969, 0)


def test_an_accepted_file_only_shows_its_status(house: House, three: list[str]) -> None:
    batch = house.sent()
    before = house.balances()
    assert house.read(house.status_report(batch)) == counts(matched=1)
    assert house.maker.get(f"/payout-batches/{batch}").json()["bankStatus"] == "ACCP"
    assert (house.balances(), house.state(batch)) == (before, "sent")


def test_a_statement_read_before_its_rejections_is_understood_once_they_are_known(
    house: House, three: list[str]
) -> None:
    batch = house.sent()
    rejects = [{"holder": three[1]}]
    statement = house.statement(batch, rejects=rejects)
    assert house.read(statement) == counts(unknown=1)
    message = house.maker.get("/bank-messages").json()["items"][0]
    (entry,) = house.maker.get(f"/bank-messages/{message['id']}/entries?outcome=unknown").json()["items"]
    assert (entry["note"], entry["amount"], entry["batchId"]) == ("totalDiffers", 159_964, batch)
    assert house.read(statement) == counts(repeated=1)
    house.read(house.status_report(batch, rejects=rejects))
    assert house.read(statement) == counts(matched=1)
    assert house.state(batch) == "settled"


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("ids", "f" * 32, "noSuchPayment"),
        ("NL66BNGH0123456789", "NL91ABNA0417164300", "otherAccount"),
        ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>", "notBooked"),
        ('Ccy="EUR"', 'Ccy="USD"', "otherCurrency"),
    ],
)
def test_what_the_bank_says_of_others_is_kept_as_unknown_and_moves_nothing(
    house: House, three: list[str], old: str, new: str, note: str
) -> None:
    batch = house.sent()
    statement = house.statement(batch, returns=[{"holder": three[0]}]).decode()
    ours = [UUID(batch).hex, *(line["endToEndId"] for line in house.lines(batch))]
    for text_of_ours in ours if old == "ids" else [old]:
        statement = statement.replace(text_of_ours, new)
    before = house.balances()
    # A changed booking would contradict the balances and totals; that is another test.
    assert house.read(_without(statement.encode(), "Bal", "TxsSummry")) == counts(unknown=2)
    assert (house.balances(), house.state(batch)) == (before, "sent")
    message = house.maker.get("/bank-messages").json()["items"][0]["id"]
    entries = house.maker.get(f"/bank-messages/{message}/entries").json()["items"]
    assert {entry["note"] for entry in entries} == {note}


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [("<NbOfTxs>3<", "<NbOfTxs>2<", "totalDiffers"), (">1599.69<", ">1599.70<", "totalDiffers")],
)
def test_a_debit_that_is_not_the_batch_to_the_cent_settles_nothing(
    house: House, three: list[str], old: str, new: str, note: str
) -> None:
    batch = house.sent()
    statement = house.statement(batch).replace(old.encode(), new.encode())
    before = house.balances()
    assert house.read(_without(statement, "Bal", "TxsSummry")) == counts(unknown=1)
    assert (house.balances(), house.state(batch)) == (before, "sent")


def test_a_statement_that_contradicts_itself_is_refused_whole(house: House, three: list[str]) -> None:
    statement = house.statement(house.sent()).replace(b">1599.69<", b">1599.70<")
    answer = house.maker.post("/bank-messages", content=statement, headers={"Content-Type": "application/xml"})
    assert (answer.status_code, code_of(answer)) == (400, "wrongTotals")


def _without(file: bytes, *names: str) -> bytes:
    root = etree.fromstring(file)
    for name in names:
        for element in list(root.iter(f"{{*}}{name}")):
            element.getparent().remove(element)  # type: ignore[union-attr]
    return etree.tostring(root)


def test_a_second_debit_of_a_settled_batch_is_for_people_to_look_at(house: House, three: list[str]) -> None:
    batch = house.sent()
    statement = house.statement(batch)
    assert house.read(statement) == counts(matched=1)
    root = etree.fromstring(statement)
    for name in ("AcctSvcrRef", "NtryRef"):
        for element in root.iter(f"{{*}}{name}"):
            element.text = "ANOTHER"
    assert house.read(etree.tostring(root)) == counts(unknown=1)
    assert house.balances() == {}


def test_a_return_read_before_its_debit_is_booked_and_the_batch_waits_for_the_debit(
    house: House, three: list[str]
) -> None:
    batch = house.sent()
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    root = etree.fromstring(_without(statement, "Bal", "TxsSummry"))
    debit = root.find(".//{*}Ntry")
    debit.getparent().remove(debit)  # type: ignore[union-attr]
    assert house.read(etree.tostring(root)) == counts(returned=1)
    assert house.vrij(three[0]) == (59_964, 0)
    assert house.state(batch) == "sent"
    assert house.read(statement) == counts(matched=1, repeated=1)
    assert house.state(batch) == "settled"
    assert house.balances() == {f"holder:{three[0]}:vrij": (59_964, 0), CURRENT: (-59_964, 0)}


def test_a_returned_payment_is_paid_again_in_a_new_batch(house: House, three: list[str]) -> None:
    first = house.sent()
    house.read(house.statement(first, returns=[{"holder": three[0]}]))
    second = house.draft("2026-10-02")
    assert (second["lines"], second["total"]) == (1, 59_964)
    batch = second["id"]
    house.approve(batch, house.submit(batch)["contentHash"])
    house.send(batch)
    assert house.read(house.statement(batch)) == counts(matched=1)
    assert house.balances() == {}


# Who is in a batch


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


# Freezing


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


# Four eyes


def test_a_maker_never_approves_their_own_batch(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    submitted = house.submit(batch)
    both = house.client(Role.FINANCE_CHECKER, "mara")
    answer = both.post(f"/payout-batches/{batch}/approvals", json={"contentHash": submitted["contentHash"]})
    assert (answer.status_code, code_of(answer)) == (403, "ownBatch")
    assert house.state(batch) == "submitted"


def test_who_is_paid_never_approves(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    submitted = house.submit(batch)
    paid = house.client(Role.FINANCE_CHECKER, "anna", holder_id=three[0])
    answer = paid.post(f"/payout-batches/{batch}/approvals", json={"contentHash": submitted["contentHash"]})
    assert (answer.status_code, code_of(answer)) == (403, "ownPayment")


def test_only_the_content_that_was_submitted_can_be_approved(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    house.submit(batch)
    answer = house.checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": "0" * 64})
    assert (answer.status_code, code_of(answer)) == (409, "wrongHash")
    malformed = house.checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": "0" * 63})
    assert malformed.status_code == 400


def test_above_the_limit_two_others_approve(house: House) -> None:
    house.holder(1, 100_000_001)
    house.today("2026-10-01")
    batch = house.draft()["id"]
    submitted = house.submit(batch)
    assert submitted["approvalsNeeded"] == 2
    first = house.approve(batch, submitted["contentHash"])
    assert (first["state"], first["approvals"]) == ("submitted", 1)
    assert code_of(house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "sepa"})) == "wrongState"
    again = house.checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": submitted["contentHash"]})
    assert code_of(again) == "approvedAlready"
    second = house.approve(batch, submitted["contentHash"], by=house.client(Role.FINANCE_CHECKER, "chloe"))
    assert (second["state"], second["approvals"]) == ("approved", 2)


def test_the_roles_of_every_step(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    steps = {
        "submissions": ({Role.FINANCE_MAKER}, None),
        "approvals": ({Role.FINANCE_CHECKER}, {"contentHash": "0" * 64}),
        "sendings": ({Role.FINANCE_MAKER}, {"channel": "sepa"}),
        "withdrawals": ({Role.FINANCE_MAKER}, None),
    }
    for role in Role:
        if role is Role.SERVICE:
            continue
        other = house.client(role, "other")
        for step, (allowed, body) in steps.items():
            if role not in allowed:
                assert other.post(f"/payout-batches/{batch}/{step}", json=body).status_code == 403, (role, step)
        may_read = role in (Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)
        for path in ("", "/lines"):
            assert (other.get(f"/payout-batches/{batch}{path}").status_code == 200) == may_read
        assert (other.get("/payout-batches").status_code == 200) == may_read
        assert (other.get("/bank-messages").status_code == 200) == may_read
        if role is not Role.FINANCE_MAKER:
            assert other.post("/payout-batches", json={"purse": "vrij", "executeOn": "2026-10-01"}).status_code == 403
            assert other.post("/bank-messages", content=b"<x/>").status_code == 403
            assert other.post("/stand-in-bank/statements", json={"batchId": batch}).status_code == 403
    for path in (f"/payout-batches/{NOBODY}", "/payout-batches/nonsense", f"/payout-batches/{NOBODY}/lines"):
        assert house.maker.get(path).status_code == 404


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payouts.batch SET state = 'approved', checker = 'x', approved_at = now()",
        "UPDATE payouts.batch SET checker = maker, approved_at = now()",
        "UPDATE payouts.batch SET total = total - 1",
        "UPDATE payouts.batch SET content_hash = sha256('x')",
        "UPDATE payouts.batch SET execute_on = execute_on + 1",
        "UPDATE payouts.batch SET maker = 'x'",
        "UPDATE payouts.batch SET state = 'draft'",
        "UPDATE payouts.batch SET state = 'sent'",
        "UPDATE payouts.line SET amount = amount + 1",
        "UPDATE payouts.line SET creditor_name = 'x'",
        "UPDATE payouts.line SET iban_id = (SELECT id FROM holders.iban i WHERE i.holder_id <> line.holder_id LIMIT 1)",
        "UPDATE payouts.line SET state = 'sent', sent_journal = 1",
        "UPDATE payouts.line SET state = 'drafted'",
        "INSERT INTO payouts.approval SELECT id, maker, maker, content_hash, now() FROM payouts.batch",
        "INSERT INTO payouts.approval SELECT id, 'x', 'y', content_hash, now() FROM payouts.batch",
        "INSERT INTO payouts.approval SELECT id, 'x', maker, sha256('x'), now() FROM payouts.batch",
        "DELETE FROM payouts.line",
        "DELETE FROM payouts.batch",
        "DELETE FROM payouts.batch_event",
        "TRUNCATE payouts.approval",
    ],
)
def test_the_database_itself_keeps_a_submitted_batch_as_it_is(
    house: House, three: list[str], wallet_owner_url: str, statement: str
) -> None:
    batch = house.draft()["id"]
    house.submit(batch)
    with psycopg.connect(wallet_owner_url) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)  # type: ignore[arg-type]


def test_content_that_was_changed_behind_our_back_is_not_approved_and_not_sent(
    house: House, three: list[str], wallet_superuser_url: str
) -> None:
    batch = house.draft()["id"]
    content_hash = house.submit(batch)["contentHash"]

    def change(name: str) -> None:
        with psycopg.connect(wallet_superuser_url) as connection:
            connection.execute("ALTER TABLE payouts.line DISABLE TRIGGER ALL")
            connection.execute("UPDATE payouts.line SET creditor_name = %s WHERE line_no = 1", (name,))
            connection.execute("ALTER TABLE payouts.line ENABLE TRIGGER ALL")

    change("Een ander")
    answer = house.checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": content_hash})
    assert (answer.status_code, code_of(answer)) == (409, "contentChanged")
    change("Deelnemer 1")
    house.approve(batch, content_hash)
    change("Een ander")
    answer = house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "sepa"})
    assert (answer.status_code, code_of(answer)) == (409, "contentChanged")
    assert house.balances()[f"holder:{three[0]}:vrij"] == (59_964, 59_964)
    change("Deelnemer 1")
    house.send(batch)
    change("Een ander")
    answer = house.maker.get(f"/payout-batches/{batch}/pain001")
    assert (answer.status_code, code_of(answer)) == (409, "contentChanged")


# Steps out of order, twice, at once, or broken off


def test_steps_out_of_order_are_refused(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    approve = {"contentHash": "0" * 64}
    assert code_of(house.checker.post(f"/payout-batches/{batch}/approvals", json=approve)) == "wrongState"
    assert code_of(house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "sepa"})) == "wrongState"
    assert code_of(house.maker.get(f"/payout-batches/{batch}/pain001")) == "notSent"
    content_hash = house.submit(batch)["contentHash"]
    assert code_of(house.maker.post(f"/payout-batches/{batch}/submissions")) == "wrongState"
    house.approve(batch, content_hash)
    house.send(batch)
    assert code_of(house.maker.post(f"/payout-batches/{batch}/withdrawals")) == "wrongState"
    assert code_of(house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "sepa"})) == "wrongState"
    assert house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "carrier pigeon"}).status_code == 400


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_withdrawn_batch_lets_go_of_everything_and_frees_its_purses(
    house: House, three: list[str], steps: int
) -> None:
    batch = house.draft()["id"]
    if steps >= 1:
        content_hash = house.submit(batch)["contentHash"]
        if steps == 2:
            house.approve(batch, content_hash)
    assert house.withdraw(batch)["state"] == "withdrawn"
    assert house.vrij(three[0]) == (59_964, 0)
    assert {line["state"] for line in house.lines(batch)} == {"withdrawn"}
    assert house.draft()["lines"] == 3
    for step in ("submissions", "withdrawals"):
        assert code_of(house.maker.post(f"/payout-batches/{batch}/{step}")) == "wrongState"


def test_the_same_key_gives_the_same_answer_at_every_step(house: House, three: list[str]) -> None:
    key = {"Idempotency-Key": "k"}
    drafts = [
        house.maker.post("/payout-batches", json={"purse": "vrij", "executeOn": "2026-10-01"}, headers=key)
        for _ in range(2)
    ]
    assert drafts[0].json() == drafts[1].json()
    path = f"/payout-batches/{drafts[0].json()['id']}"
    submitted = [house.maker.post(f"{path}/submissions", headers=key) for _ in range(2)]
    assert submitted[0].json() == submitted[1].json()
    body = {"contentHash": submitted[0].json()["contentHash"]}
    approved = [house.checker.post(f"{path}/approvals", json=body, headers=key) for _ in range(2)]
    sent = [house.maker.post(f"{path}/sendings", json={"channel": "sepa"}, headers=key) for _ in range(2)]
    for first, again in (submitted, approved, sent):
        assert (again.status_code, again.json(), again.headers["Idempotency-Hit"]) == (200, first.json(), "true")
    assert house.balances()[OUTGOING] == (159_969, 0)


def test_a_message_sent_twice_with_one_key_is_read_once(house: House, three: list[str]) -> None:
    statement = house.statement(house.sent())
    headers = {"Content-Type": "text/xml; charset=utf-8", "Idempotency-Key": "k"}
    answers = [house.maker.post("/bank-messages", content=statement, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(house.maker.get("/bank-messages").json()["items"]) == 1


@pytest.mark.parametrize("step", ["submissions", "sendings", "withdrawals"])
def test_a_step_asked_by_eight_at_once_is_taken_once(house: House, three: list[str], step: str) -> None:
    batch = house.draft()["id"]
    if step == "sendings":
        house.approve(batch, house.submit(batch)["contentHash"])
    body = {"channel": "sepa"} if step == "sendings" else None
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: house.maker.post(f"/payout-batches/{batch}/{step}", json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    expected = {"submissions": (59_964, 59_964), "sendings": (0, 0), "withdrawals": (59_964, 0)}
    assert house.vrij(three[0]) == expected[step]


def test_two_batches_never_get_the_same_purse(house: House, three: list[str]) -> None:
    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            drafts = list(pool.map(lambda _: house.draft(), range(4)))
        assert sum(draft["lines"] for draft in drafts) == 3
        assert sum(draft["total"] for draft in drafts) == 159_969
        assert {row["reason"] for draft in drafts for row in draft["excluded"]} == {"inOtherBatch"}
        for draft in drafts:
            house.withdraw(draft["id"])


def test_the_same_statement_read_by_four_at_once_is_booked_once(house: House, three: list[str]) -> None:
    statement = house.statement(house.sent(), returns=[{"holder": three[0]}])
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda _: house.read(statement), range(4)))
    assert sorted((one["matched"], one["returned"], one["repeated"]) for one in read) == [(0, 0, 2)] * 3 + [(1, 1, 0)]
    assert house.balances() == {f"holder:{three[0]}:vrij": (59_964, 0), CURRENT: (-59_964, 0)}


MARA = Caller("mara", frozenset({Role.FINANCE_MAKER}))


def test_a_sending_broken_off_between_chunks_goes_on_where_it_was(
    house: House, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 1)
    batch = house.draft()["id"]
    house.approve(batch, house.submit(batch)["contentHash"])
    known = UUID(batch)
    assert house.database.run(lambda db: actions.send_next_chunk(db, known, MARA, "sepa"))
    assert house.balances()[OUTGOING] == (59_964, 0)
    # Broken off here: a part has left, so it can be neither withdrawn nor downloaded, only finished.
    assert code_of(house.maker.post(f"/payout-batches/{batch}/withdrawals")) == "beingSent"
    assert code_of(house.maker.get(f"/payout-batches/{batch}/pain001")) == "notSent"
    house.today("2026-10-02")
    assert house.send(batch)["lines"] == 3
    assert house.balances() == {OUTGOING: (159_969, 0), CURRENT: (-159_969, 0)}
    with house.database.reading() as db:
        journals = db.connection().exec_driver_sql(
            "SELECT chunk, value_date FROM ledger.journal WHERE kind = 'payout' ORDER BY chunk"
        )
        assert [tuple(row) for row in journals] == [(n, date(2026, 10, 1)) for n in range(3)]


def test_a_submission_broken_off_between_chunks_goes_on_or_is_withdrawn(
    house: House, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "CHUNK", 2)
    for finish in ("go on", "withdraw"):
        batch = house.draft()["id"]
        known = UUID(batch)
        assert house.database.run(lambda db, known=known: actions.hold_next_chunk(db, known, MARA))
        assert [house.vrij(holder)[1] for holder in three] == [59_964, 5, 0]
        if finish == "go on":
            assert house.submit(batch)["total"] == 159_969
            numbers = [line["lineNo"] for line in house.lines(batch)]
            assert numbers == [1, 2, 3]
        assert house.database.run(lambda db, known=known: actions.release_next_chunk(db, known, MARA))
        assert code_of(house.checker.post(f"/payout-batches/{batch}/approvals", json={"contentHash": "0" * 64})) in (
            "beingWithdrawn",
            "wrongState",
        )
        house.withdraw(batch)
        assert [house.vrij(holder)[1] for holder in three] == [0, 0, 0]


def test_a_batch_whose_day_has_passed_is_not_sent(house: House, three: list[str]) -> None:
    batch = house.draft()["id"]
    house.approve(batch, house.submit(batch)["contentHash"])
    house.today("2026-10-02")
    answer = house.maker.post(f"/payout-batches/{batch}/sendings", json={"channel": "sepa"})
    assert (answer.status_code, code_of(answer)) == (409, "noExecutionDay")
    house.withdraw(batch)
    assert house.vrij(three[0]) == (59_964, 0)


# What the bank sends, and the stand-in bank


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"<x/>", "application/json", 415, "notXml"),
        (b"", "application/xml", 400, "malformed"),
        (b"<x/>", "application/xml", 400, "unknownMessage"),
        (b"<!DOCTYPE x><x/>", "text/xml", 400, "doctypeRefused"),
        (b" " * (32 * 1024 * 1024 + 1), "application/xml", 413, "tooLarge"),
    ],
    ids=["other media type", "empty", "other XML", "document type", "over 32 MiB"],
)
def test_what_is_no_message_is_refused_and_not_kept(
    house: House, content: bytes, media_type: str, status: int, code: str
) -> None:
    answer = house.maker.post("/bank-messages", content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert house.maker.get("/bank-messages").json()["items"] == []


def test_messages_and_lists_come_in_pages(house: House, three: list[str]) -> None:
    batch = house.sent()
    statement = house.statement(batch, returns=[{"holder": three[0]}])
    for _ in range(3):
        house.read(statement)
    page = house.auditor.get("/bank-messages?limit=2").json()
    assert [item["repeated"] for item in page["items"]] == [2, 2]
    rest = house.auditor.get(f"/bank-messages?limit=2&cursor={page['nextCursor']}").json()
    assert ([item["matched"] for item in rest["items"]], rest["nextCursor"]) == ([1], None)
    entries = house.auditor.get(f"/bank-messages/{rest['items'][0]['id']}/entries?limit=1").json()
    more = house.auditor.get(
        f"/bank-messages/{rest['items'][0]['id']}/entries?limit=1&cursor={entries['nextCursor']}"
    ).json()
    assert [entries["items"][0]["outcome"], more["items"][0]["outcome"]] == ["matched", "returned"]
    assert more["items"][0]["reasonText"] == "Rekening is opgeheven"
    lines = house.auditor.get(f"/payout-batches/{batch}/lines?limit=2").json()
    following = house.auditor.get(f"/payout-batches/{batch}/lines?limit=2&cursor={lines['nextCursor']}").json()
    assert [line["lineNo"] for line in lines["items"] + following["items"]] == [1, 2, 3]
    assert lines["items"][0]["iban"].startswith("NL****")
    second = house.draft("2026-10-02")["id"]
    batches = house.auditor.get("/payout-batches?limit=1").json()
    older = house.auditor.get(f"/payout-batches?limit=1&cursor={batches['nextCursor']}").json()
    assert [batches["items"][0]["id"], older["items"][0]["id"]] == [second, batch]
    assert [item["id"] for item in house.auditor.get("/payout-batches?state=draft").json()["items"]] == [second]


def test_names_and_accounts_in_a_message_are_kept_encrypted(
    house: House, three: list[str], wallet_superuser_url: str
) -> None:
    house.read(house.statement(house.sent()))
    with psycopg.connect(wallet_superuser_url) as connection:
        (ciphertext,) = connection.execute("SELECT ciphertext FROM payouts.bank_message").fetchone()  # type: ignore[misc]
    assert b"BkToCstmrStmt" not in ciphertext


def test_the_stand_in_bank_is_there_on_a_local_installation_only(
    wallet_database: Database, callers: Callers, today: Callable[[str], None], house: House, three: list[str]
) -> None:
    batch = house.sent()
    assert house.maker.post("/stand-in-bank/statements", json={"batchId": NOBODY}).status_code == 404
    planted = {"batchId": batch, "returns": [{"holder": NOBODY}]}
    assert code_of(house.maker.post("/stand-in-bank/statements", json=planted)) == "unknownPayment"
    settings = PayoutSettings(
        environment="local", bank="files", signing_key_file=Path("none"), trusted_keys_file=Path("none")
    )
    real = House(wallet_database, callers, today, settings)
    for kind in ("statements", "status-reports"):
        assert real.maker.post(f"/stand-in-bank/{kind}", json={"batchId": batch}).status_code == 404


@pytest.mark.parametrize("left_out", ["municipality_name", "debtor_iban", "bank"])
def test_production_refuses_the_values_of_a_development_machine(left_out: str) -> None:
    named = {"municipality_name": "Gemeente X", "debtor_iban": "NL91ABNA0417164300", "bank": "files"}
    named.pop(left_out)
    with pytest.raises(ValueError, match=left_out.upper()):
        PayoutSettings(
            environment="production",
            signing_key_file=Path("k"),
            trusted_keys_file=Path("k"),
            **named,  # type: ignore[arg-type]
        )
