"""The steps of a batch out of order, twice, at once, or broken off (PO-3)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from uuid import UUID

import pytest

from foundation.access import Caller, Role
from tests.integration.wallet.payouts_house import CURRENT, OUTGOING, House, code_of
from wallet.payouts import actions


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
