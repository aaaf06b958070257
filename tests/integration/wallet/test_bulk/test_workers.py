"""The worker: stopped, doubled, held up, given a file that breaks it; and people who spend beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from tests.integration.wallet.bulk_house import BulkHouse
from tests.integration.wallet.ledger_books import DAY, FUND
from tests.integration.wallet.test_bulk.conftest import gifts
from tests.support.databases import ServiceDatabase
from wallet.ledger.actions import Transfer, post, register_owners
from wallet.ledger.bulk import working


def test_a_worker_stopped_after_any_step_is_followed_by_one_that_finishes(house: BulkHouse) -> None:
    lines = gifts(house, 9)
    batch_id = house.send(lines, chunk_lines=3)
    states = []
    while house.batch(batch_id).state != "checked":
        house.work_steps(1)
        states.append(house.batch(batch_id).state)
    # One block, three checks and the count.
    assert states == ["checking"] * 4 + ["checked"]
    house.submit(batch_id)
    house.approve(batch_id)
    posted = []
    while house.batch(batch_id).state != "posted":
        house.work_steps(1)
        posted.append(house.progress(batch_id).lines)
    # Lines 2-3, 4-6, 7-9 and 10 of the file, and the close.
    assert posted == [2, 5, 8, 9, 9]
    assert [entry[3] for entry in house.entries(batch_id)] == [f"gift/{number}" for number in range(9)]
    assert house.figures(FUND) == (999_999_100, 0)


def test_a_long_file_is_loaded_block_by_block_and_no_line_is_lost_between(house: BulkHouse) -> None:
    purse = f"{house.holder()}:vrij"
    # Some 465 bytes a line, 4.6 MB: two blocks of at most four MiB, cut between lines.
    lines = [(purse, number + 1, f"gift/{number}", "é" * 100, "é" * 99) for number in range(10_000)]
    batch_id = house.send(lines)
    house.work_steps(1)
    first = house.batch(batch_id)
    assert (first.state, first.bytes_read > 4_000_000, first.lines == first.lines_read - 1) == ("loading", True, True)
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, batch.lines, batch.lines_read, batch.total) == ("checked", 10_000, 10_001, 50_005_000)
    assert house.rows("SELECT 1 FROM inbox_piece") == []


def test_a_batch_that_somebody_else_has_is_passed_over_and_keeps_no_other_waiting(
    house: BulkHouse, wallet_owner_url: str
) -> None:
    taken = house.approved(gifts(house, 3), chunk_lines=2)
    other = house.send([(f"{house.holder()}:vrij", 1, "other")])
    house.work_steps(1)
    before = house.progress(taken)
    with psycopg.connect(wallet_owner_url) as owner:
        owner.execute("SELECT 1 FROM ledger.bulk_batch WHERE id = %s FOR UPDATE", (taken,))
        house.work()
    assert (house.progress(taken), house.batch(other).state) == (before, "checked")
    house.work()
    assert house.batch(taken).state == "posted"


def test_a_batch_gives_way_to_who_writes_beside_it_and_to_nobody_else(
    house: BulkHouse, wallet_db: ServiceDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(working.time, "sleep", rests.append)
    with closing(Database(wallet_db.service_url, pool_size=1, application_name="somebody")) as other:
        with other.reading() as db:
            # Whoever only reads keeps no batch waiting.
            db.execute(text("SELECT count(*) FROM ledger.entry")).scalar_one()
            house.checked(gifts(house, 9), chunk_lines=3)
        assert rests == []
        with other.transaction() as db:
            register_owners(db, ["holder:somebody"])
            house.checked(gifts(house, 9), chunk_lines=3)
        # A block, three checks and the count; what follows the last finds nothing to do.
        assert len(rests) == 5 and all(rest > 0 for rest in rests)
        rests.clear()
        house.checked(gifts(house, 9), chunk_lines=3)
        assert rests == []


def test_a_batch_that_raises_each_time_keeps_no_other_waiting_and_ends_with_a_problem(house: BulkHouse) -> None:
    broken = house.send(gifts(house, 1))
    with house.database.transaction() as db:
        db.execute(text("DELETE FROM inbox_piece"))
    other = house.send([(f"{house.holder()}:vrij", 1, "other")])
    house.work()
    assert (house.batch(broken).state, house.batch(broken).attempts, house.batch(other).state) == (
        "loading",
        1,
        "checked",
    )
    while house.database.run(lambda db: working.begin(db, broken)):
        pass
    assert house.batch(broken).state == "refused"


def test_a_chunk_asked_for_twice_or_out_of_turn_is_posted_once(house: BulkHouse) -> None:
    batch_id = house.approved(gifts(house, 5), chunk_lines=3)

    def chunk(number: int) -> bool:
        statement = text("SELECT ledger.post_bulk_chunk(:batch, :chunk)")
        return house.database.run(lambda db: db.execute(statement, {"batch": batch_id, "chunk": number}).scalar_one())

    assert (chunk(1), chunk(1)) == (True, False)
    with pytest.raises(DBAPIError, match="not the next"):
        house.database.run(lambda db: db.execute(text(f"SELECT ledger.post_bulk_chunk('{batch_id}', 3)")))
    assert chunk(2)
    with pytest.raises(DBAPIError, match="not the next"):
        chunk(3)
    house.work()
    assert (chunk(1), chunk(2)) == (False, False)
    assert (house.batch(batch_id).posted_total, house.figures(FUND)) == (500, (999_999_500, 0))


def test_two_workers_at_once_post_every_line_once(house: BulkHouse) -> None:
    lines = gifts(house, 60)
    batch_id = house.approved(lines, chunk_lines=4)
    with ThreadPoolExecutor(4) as pool:
        while house.batch(batch_id).state != "posted":
            for done in [pool.submit(house.work) for _ in range(4)]:
                done.result(timeout=60)
    assert sorted(entry[3] for entry in house.entries(batch_id)) == sorted(line[2] for line in lines)
    assert (house.figures(FUND), house.faults()) == ((999_994_000, 0), [])


def test_people_spend_from_the_same_purses_while_a_batch_is_posted(house: BulkHouse) -> None:
    purses = [f"{owner}:vrij" for owner in house.holders(10)]
    house.post(*[Transfer(FUND, purse, 1_000) for purse in purses])
    lines = [(purses[number % 10], 3, f"gift/{number}") for number in range(200)]
    batch_id = house.approved(lines, chunk_lines=10)

    def spend(number: int) -> None:
        with house.database.transaction() as db:
            transfer = Transfer(purses[number % 10], "bank:outgoing", 7)
            post(db, kind="test", value_date=DAY, actor="tester", transfers=[transfer])

    with ThreadPoolExecutor(4) as pool:
        spending = [pool.submit(spend, number) for number in range(100)]
        house.work()
        for one in spending:
            one.result(timeout=60)
    assert house.batch(batch_id).posted_lines == 200
    # Each of ten purses: 1,000, twenty gifts of 3, ten times 7 spent.
    assert {house.balance(purse) for purse in purses} == {990}
    assert (house.balance("bank:outgoing"), house.figures(FUND)) == (700, (999_989_400, 0))
    assert house.faults() == []


def test_a_file_that_breaks_its_worker_each_time_ends_with_a_problem(house: BulkHouse) -> None:
    batch_id = house.send(gifts(house, 1))
    for _ in range(working.MAX_ATTEMPTS):
        # As when the process is killed after counting the attempt and before its work is committed.
        assert house.database.run(lambda db: working.begin(db, batch_id))
    assert not house.database.run(lambda db: working.begin(db, batch_id))
    batch = house.batch(batch_id)
    assert (batch.state, "12 pogingen" in str(batch.problem)) == ("refused", True)
    house.work()
    assert house.rows("SELECT 1 FROM ledger.bulk_line") == []


def test_amounts_that_no_balance_can_hold_together_end_the_batch(house: BulkHouse) -> None:
    purse = f"{house.holder()}:vrij"
    # 9,224 times 10^15 is more than the 9.22 * 10^18 of a bigint.
    batch_id = house.send([(purse, 10**15, f"k/{number}") for number in range(9_224)])
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, "meer dan het grootboek" in str(batch.problem)) == ("refused", True)
