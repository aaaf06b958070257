"""Payouts by two people: who may approve what, and that nothing changes behind their back (PO-3)."""

from __future__ import annotations

import psycopg
import pytest

from foundation.access import Role
from tests.integration.wallet.payouts_house import NOBODY, House, code_of


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
