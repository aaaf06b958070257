"""Blocks, the trial balance and proofs over HTTP."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from foundation.access import Role
from tests.integration.wallet.test_audit.conftest import CAS, SealedBooks, assert_proves
from tests.support.callers import Callers, Client

pytestmark = pytest.mark.usefixtures("sealed")


def holder(api: FastAPI, callers: Callers, holder_id: str) -> Client:
    return callers.client(api, "wallet", Role.PASS_HOLDER, holder_id=holder_id)


def test_blocks_come_newest_first_in_pages(auditor: Client) -> None:
    answer = auditor.get("/blocks?limit=1")

    assert answer.status_code == 200
    page = answer.json()
    assert [block["number"] for block in page["items"]] == [2]
    last = auditor.get("/blocks", params={"limit": 1, "cursor": page["nextCursor"]}).json()
    assert [block["number"] for block in last["items"]] == [1]
    assert last["nextCursor"] is None
    assert page["items"][0]["previousHeader"] == last["items"][0]["header"]


def test_one_block(auditor: Client, sealed: SealedBooks) -> None:
    block = auditor.get("/blocks/1").json()

    assert (block["journals"], block["entries"], block["sums"]) == (3, 8, {"EUR": 133_000})
    assert (block["firstJournal"], block["lastJournal"]) == (sealed.deposit, sealed.use)
    assert block["sealedAt"].endswith("Z")


@pytest.mark.parametrize(("path", "status"), [("/blocks/99", 404), ("/blocks/0", 400), ("/blocks/one", 400)])
def test_a_block_that_is_not_there(auditor: Client, path: str, status: int) -> None:
    assert auditor.get(path).status_code == status


def test_the_trial_balance_adds_up_per_asset(auditor: Client) -> None:
    balance = auditor.get("/trial-balance").json()

    assert list(balance) == ["EUR"]
    # Deposit 1,000.00, start 300.00, use 30.00, payout 30.00.
    assert (balance["EUR"]["debit"], balance["EUR"]["credit"], balance["EUR"]["difference"]) == (136_000, 136_000, 0)
    assert balance["EUR"]["accounts"] == [
        {"address": "bank:current", "debit": 100_000, "credit": 0, "balance": -100_000},
        {"address": "bank:outgoing", "debit": 0, "credit": 3_000, "balance": 3_000},
        {"address": "fund:burgerbudget", "debit": 30_000, "credit": 100_000, "balance": 70_000},
        {"address": "holder:a:burgerbudget", "debit": 3_000, "credit": 10_000, "balance": 7_000},
        {"address": "holder:a:vrij", "debit": 3_000, "credit": 3_000, "balance": 0},
        {"address": "holder:b:burgerbudget", "debit": 0, "credit": 10_000, "balance": 10_000},
        {"address": "holder:c:burgerbudget", "debit": 0, "credit": 10_000, "balance": 10_000},
    ]


def test_the_trial_balance_as_of_a_block_stays_what_it_was(auditor: Client, sealed: SealedBooks) -> None:
    before = auditor.get("/trial-balance?asOfBlock=1").json()
    sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    sealed.books.seal()

    assert before["EUR"]["debit"] == 133_000
    assert auditor.get("/trial-balance?asOfBlock=1").json() == before
    assert auditor.get("/trial-balance?asOfBlock=99").status_code == 400


def test_the_trial_balance_as_of_a_value_date(auditor: Client) -> None:
    assert auditor.get("/trial-balance?asOfDate=2026-09-30").json() == {}
    assert auditor.get("/trial-balance?asOfDate=2026-10-01").json()["EUR"]["debit"] == 136_000
    assert auditor.get("/trial-balance?asOfDate=yesterday").status_code == 400
    # A date is written in one way only, also where it stands in a question; a wrong name never means "now".
    assert auditor.get("/trial-balance?asOfDate=1790812800").status_code == 400
    assert auditor.get("/trial-balance?asofBlock=1").status_code == 400


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.FINANCE_MAKER, "/trial-balance", 200),
        (Role.FINANCE_CHECKER, "/trial-balance", 200),
        (Role.CASEWORKER, "/trial-balance", 403),
        (Role.FINANCE_MAKER, "/blocks", 403),
        (Role.PASS_HOLDER, "/blocks/1", 403),
        (Role.CASEWORKER, "/transfers/1-1/proof", 403),
    ],
)
def test_who_may(api: FastAPI, callers: Callers, role: Role, path: str, status: int) -> None:
    assert callers.client(api, "wallet", role).get(path).status_code == status


def test_every_line_can_be_proven_to_the_auditor(auditor: Client, sealed: SealedBooks) -> None:
    for journal_id, line in sealed.books.rows("SELECT journal_id, line FROM ledger.entry"):
        answer = auditor.get(f"/transfers/{journal_id}-{line}/proof")
        assert answer.status_code == 200
        assert_proves(answer.json(), sealed)


def test_a_holder_gets_the_proof_of_their_own_side(api: FastAPI, callers: Callers, sealed: SealedBooks) -> None:
    # Ben's start is the second transfer: line 4 on his purse (the other side is merged into the fund's line).
    answer = holder(api, callers, "b").get(f"/transfers/{sealed.start}-4/proof")

    assert answer.status_code == 200
    assert_proves(answer.json(), sealed)
    # The payout was named by the grant key's line or by the other: both lead to Anna's side, line 1.
    assert holder(api, callers, "a").get(f"/transfers/{sealed.payout}-2/proof").json()["id"] == f"{sealed.payout}-1"


@pytest.mark.parametrize("holder_id", ["a", "c", "none"])
def test_another_holders_transfer_is_not_there(
    api: FastAPI, callers: Callers, sealed: SealedBooks, holder_id: str
) -> None:
    assert holder(api, callers, holder_id).get(f"/transfers/{sealed.start}-4/proof").status_code == 404


@pytest.mark.parametrize("transfer", ["99-1", "1-99", "1", "one-two", "-1-1", "1-1-1", "99999999999999999999-1"])
def test_a_transfer_that_is_not_there(auditor: Client, transfer: str) -> None:
    assert auditor.get(f"/transfers/{transfer}/proof").status_code == 404


def test_what_is_not_sealed_yet_says_so(auditor: Client, sealed: SealedBooks) -> None:
    journal = sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))

    answer = auditor.get(f"/transfers/{journal}-1/proof")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "notSealed"


def test_an_entry_that_was_changed_after_its_seal_is_not_proven(auditor: Client, sealed: SealedBooks) -> None:
    sealed.books.tamper(f"UPDATE ledger.entry SET reference = 'x' WHERE journal_id = {sealed.use} AND line = 1")

    answer = auditor.get(f"/transfers/{sealed.use}-1/proof")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "sealBroken"
