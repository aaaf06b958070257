"""Payout batches on a real database: sent, and settled by what the bank says (PO-1, PO-2, PO-5)."""

from __future__ import annotations

import hashlib
from uuid import UUID

import pytest
from lxml import etree

from foundation.access import Role
from tests.integration.wallet.payouts_house import CURRENT, OUTGOING, House, code_of, counts
from wallet.payouts import rules


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
