"""Lines that could be posted when they were checked, and no longer when their turn came."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import text

from tests.integration.wallet.bulk_house import BulkHouse
from tests.integration.wallet.ledger_books import DAY, FUND
from tests.integration.wallet.test_bulk.conftest import code, gifts
from wallet.ledger.actions import Transfer, post


def test_an_account_closed_between_approval_and_posting_fails_and_the_totals_say_so(house: BulkHouse) -> None:
    lines = gifts(house, 4)
    closing = "payable:dicht"
    with house.database.transaction() as db:
        db.execute(text(f"SELECT ledger.open_account('{closing}', 'EUR', 'payable', 0, NULL, 10)"))
    batch_id = house.approved([*lines[:2], (closing, 7, "late"), *lines[2:]], chunk_lines=3)
    with house.database.transaction() as db:
        db.execute(text(f"SELECT ledger.close_account('{closing}')"))
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, batch.posted_lines, batch.posted_total) == ("posted", 4, 400)
    assert (batch.failed_lines, batch.failed_total) == (1, 7)
    assert house.all_exceptions(batch_id) == [(4, "closedAccount", "posting")]
    assert house.figures(FUND) == (999_999_600, 0)
    [hold] = house.rows("SELECT state, remaining FROM ledger.hold")
    assert tuple(hold) == ("released", 0)


def test_lines_that_no_longer_fit_or_were_granted_meanwhile_fail_alone(house: BulkHouse) -> None:
    full, other, third = house.holders(3)
    lines = [
        (f"{full}:burgerbudget", 60_000, "top-up/1"),
        (f"{full}:burgerbudget", 40_000, "top-up/2"),
        (f"{other}:vrij", 5, "gift/1"),
        (f"{third}:vrij", 5, "gift/2"),
    ]
    batch_id = house.approved(lines)
    # 100,000 is the most there may be: with 50,000 in it line 2 is too much, and line 3 fits because it is.
    house.post(Transfer(FUND, f"{full}:burgerbudget", 50_000), Transfer(FUND, f"{third}:vrij", 5, grant_key="gift/2"))
    house.work()
    batch = house.batch(batch_id)
    assert house.all_exceptions(batch_id) == [(2, "overCeiling", "posting"), (5, "grantKeyUsed", "posting")]
    assert (batch.posted_lines, batch.posted_total, batch.failed_lines, batch.failed_total) == (2, 40_005, 2, 60_005)
    assert house.balance(f"{full}:burgerbudget") == 90_000
    assert house.figures(FUND) == (1_000_000_000 - 50_000 - 5 - 40_005, 0)


def test_a_grant_key_in_use_by_another_at_that_very_moment_fails_alone(house: BulkHouse) -> None:
    lines = gifts(house, 3)
    batch_id = house.approved(lines)
    stranger = f"{house.holder()}:vrij"
    with house.database.transaction() as spending, ThreadPoolExecutor(1) as pool:
        # From another account, so that nothing but the key itself stands between the two.
        post(
            spending,
            kind="test",
            value_date=DAY,
            actor="tester",
            transfers=[Transfer("bank:current", stranger, 1, grant_key="gift/1")],
        )
        worker = pool.submit(house.work)
        wait_until_waiting(house)
        assert not worker.done()
        spending.commit()
        worker.result(timeout=60)
    assert house.all_exceptions(batch_id) == [(3, "grantKeyUsed", "posting")]
    assert house.batch(batch_id).posted_total == 200


def wait_until_waiting(house: BulkHouse) -> None:
    """Wait until some transaction of this database waits for another."""
    done = threading.Event()
    while not done.wait(0.02):
        waiting = house.rows("SELECT 1 FROM pg_locks l WHERE NOT l.granted AND l.locktype = 'transactionid'")
        if waiting:
            return


def test_a_month_that_closes_is_seen_at_the_door_at_submission_and_at_approval(
    house: BulkHouse, wallet_superuser_url: str
) -> None:
    checked, submitted = house.checked(gifts(house, 1)), house.checked(gifts(house, 1))
    house.submit(submitted)
    late = house.approved([(f"{house.holder()}:vrij", 100, "late")])
    close_october(wallet_superuser_url)
    assert code(lambda: house.send(gifts(house, 1))) == "periodClosed"
    assert code(lambda: house.submit(checked)) == "periodClosed"
    assert code(lambda: house.approve(submitted)) == "periodClosed"
    # What was approved before cannot be posted any more: it ends with its lines explained and its money back.
    house.work()
    batch = house.batch(late)
    assert (batch.state, batch.posted_lines, batch.failed_total) == ("posted", 0, 100)
    assert house.all_exceptions(late) == [(2, "periodClosed", "posting")]
    assert house.figures(FUND) == (1_000_000_000, 0)


def close_october(superuser_url: str) -> None:
    with psycopg.connect(superuser_url) as connection:
        connection.execute(
            "INSERT INTO ledger.proposal (id, subject, posting, reason, proposed_by, proposed_at)"
            " VALUES (gen_random_uuid(), 'closing', '{}', 'x', 'mara', now())"
        )
        connection.execute(
            "INSERT INTO ledger.period_close (month, proposal_id, proposed_by, closed_by, closed_at, journals, entries,"
            " sums) SELECT '2026-10-01', id, proposed_by, 'chuck', now(), 0, 0, '{}' FROM ledger.proposal"
        )


def test_a_line_excluded_before_approval_stays_so_when_its_chunk_fails(house: BulkHouse) -> None:
    anna, ben = (f"{owner}:vrij" for owner in house.holders(2))
    batch_id = house.approved([(anna, 10, "k/1"), (ben, 20, "k/1"), (ben, 40, "k/2")], partial=True)
    house.post(Transfer(FUND, anna, 1, grant_key="k/1"))
    house.work()
    assert house.all_exceptions(batch_id) == [(2, "grantKeyUsed", "posting"), (3, "duplicateGrantKey", "checking")]
    batch = house.batch(batch_id)
    assert (batch.posted_lines, batch.posted_total, batch.failed_lines, batch.failed_total) == (1, 40, 1, 10)
