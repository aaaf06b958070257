"""Transfer batches from file to close: every line posted once or explained, and the totals say so."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.access import Caller, Role
from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.bulk_house import BURGERBUDGET, CHUCK, HEADER, MARA, BulkHouse, csv_of
from tests.integration.wallet.ledger_books import DAY, FUND
from wallet.ledger.actions import Transfer, post
from wallet.ledger.bulk import working
from wallet.ledger.bulk.rules import CHUNK_LINES


@pytest.fixture
def house(wallet_database: Database) -> BulkHouse:
    return BulkHouse(wallet_database)


def code(act: Callable[[], Any]) -> str:
    """Give the code of the refusal of an act that must be refused."""
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.errors[0].code


def gifts(house: BulkHouse, count: int, amount: int = 100) -> list[tuple[str, int, str]]:
    """Give lines for as many new holders."""
    return [(f"{owner}:vrij", amount, f"gift/{number}") for number, owner in enumerate(house.holders(count))]


def test_a_file_is_loaded_checked_approved_by_another_and_posted(house: BulkHouse) -> None:
    anna, ben, cas = (f"{owner}:vrij" for owner in house.holders(3))
    batch_id = house.send(
        [(anna, 1_000, "gift/1", "case/1", "gift"), (ben, 2_500, "gift\\2", "case/2"), (cas, 3, "gift/3")],
        chunk_lines=2,
    )
    assert house.batch(batch_id).state == "loading"
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, batch.lines, batch.excluded, batch.total) == ("checked", 3, 0, 3_503)
    written = (
        f"stadsbeurs-bulk\x1f1\x1f{batch_id}\x1fgift\x1f{FUND}\x1fEUR\x1f2026-10-01\x1fKerstgift\n"
        f"{anna}\x1f1000\x1fgift/1\x1fcase/1\x1fgift\n{ben}\x1f2500\x1fgift\\2\x1fcase/2\x1f\n"
        f"{cas}\x1f3\x1fgift/3\x1f\x1f\nend\x1f3\x1f3503\n"
    )
    assert batch.content_hash == hashlib.sha256(written.encode()).digest()
    house.submit(batch_id)
    assert house.figures(FUND) == (1_000_000_000, 0)
    house.approve(batch_id)
    assert house.figures(FUND) == (1_000_000_000, 3_503)
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, batch.posted_lines, batch.posted_total, batch.failed_lines) == ("posted", 3, 3_503, 0)
    # The header is line 1: the chunks of two lines are of lines 1-2 and 3-4.
    assert house.entries(batch_id) == [
        (1, anna, 1_000, "gift/1", "case/1", "gift"),
        (2, ben, 2_500, "gift\\2", "case/2", None),
        (2, cas, 3, "gift/3", None, None),
    ]
    assert house.figures(FUND) == (999_996_497, 0)
    [journal, _] = house.rows("SELECT * FROM ledger.journal WHERE batch = :id ORDER BY id", id=str(batch_id))
    assert (journal.kind, journal.value_date, journal.reason) == ("gift", date(2026, 10, 1), "Kerstgift")
    assert (journal.actor, journal.on_behalf_of, journal.decision) == ("chuck", "mara", f"transfer-batch/{batch_id}")
    assert house.faults() == []


def test_twenty_five_thousand_lines_in_six_chunks_add_up(house: BulkHouse) -> None:
    # 25 holders get 1,000 lines each, of 1 to 25,000 cents: 25,000 * 25,001 / 2.
    purses = [f"{owner}:vrij" for owner in house.holders(25)]
    lines = [(purses[number % 25], number + 1, f"gift/{number}", f"case/{number}") for number in range(25_000)]
    batch_id = house.posted(lines)
    batch = house.batch(batch_id)
    assert batch.chunk_lines == CHUNK_LINES == 5_000
    assert (batch.lines, batch.posted_lines, batch.posted_total) == (25_000, 25_000, 312_512_500)
    assert house.balance(FUND) == 1_000_000_000 - 312_512_500
    # Holder 0 has the amounts 1, 26, 51 ... 24,976: 1,000 * (1 + 24,976) / 2.
    assert house.balance(purses[0]) == 12_488_500
    # The header is line 1, so lines 2 to 5,000 are the first chunk and line 25,001 is a sixth.
    chunks = house.rows("SELECT chunk, lines, total FROM ledger.bulk_chunk ORDER BY chunk")
    assert [row.lines for row in chunks] == [4_999, 5_000, 5_000, 5_000, 5_000, 1]
    assert (chunks[0].total, chunks[5].total) == (4_999 * 5_000 // 2, 25_000)
    # One leg on the fund per chunk, and the deposit.
    fund = house.rows(
        "SELECT count(*) AS entries FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id"
        " WHERE a.address = :fund",
        fund=FUND,
    )
    assert fund[0].entries == 7
    assert house.faults() == []


def test_json_lines_are_the_same_batch_as_csv(house: BulkHouse) -> None:
    purse = f"{house.holder()}:vrij"
    content = (
        f'{{"destination": "{purse}", "amount": 5, "grantKey": "a", "reference": null}}\n'
        f'\n{{"amount": 7, "destination": "{purse}", "grantKey": "b", "explanation": "gift"}}\n'
    ).encode()
    batch_id = house.posted(content, format_kind="jsonl")
    assert house.entries(batch_id) == [(1, purse, 5, "a", None, None), (1, purse, 7, "b", None, "gift")]


def test_every_line_that_cannot_be_posted_is_named_with_its_line_and_its_reason(house: BulkHouse) -> None:
    owners = house.holders(12)
    purse = [f"{owner}:vrij" for owner in owners]
    house.post(Transfer(FUND, f"{owners[0]}:burgerbudget", 60_000, grant_key="start/1"))
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.open_fund('punten', 'Punten', 'POINT', 'piet')"))
        db.execute(text("SELECT ledger.open_account('payable:oud', 'EUR', 'payable', 0, NULL, 10)"))
        db.execute(text("SELECT ledger.close_account('payable:oud')"))
    lines = [
        (purse[1], 10, "k/2"),  # 2: good
        (purse[2], 0, "k/3"),
        (purse[2], -5, "k/4"),
        (purse[2], 10**19, "k/5"),
        (purse[2], "12,50", "k/6"),
        (purse[2], "", "k/7"),
        ("fund:punten", 10, "k/8"),
        ("holder:nobody:vrij", 10, "k/9"),
        (f"{owners[2]}:spaarpot", 10, "k/10"),
        ("payable:oud", 10, "k/11"),
        (FUND, 10, "k/12"),
        (purse[3], 10, "k/2"),  # 13: the key of line 2, another line
        (purse[1], 10, "k/2"),  # 14: line 2 again
        (purse[4], 10, "start/1"),
        (purse[5], 10, ""),
        (f"{owners[0]}:burgerbudget", 40_001, "k/17"),
        (f"{owners[0]}:burgerbudget", 40_000, "k/18"),  # 18: fits, because 17 does not
        (f"{owners[0]}:burgerbudget", 1, "k/19"),
        (f"{owners[6]}:burgerbudget", 100_001, "k/20"),  # not opened yet: its ceiling counts all the same
        (purse[7], 10, "k/21", "x" * 201),
    ]
    content = csv_of(lines) + b'"' + purse[8].encode() + b";5;k/22;;\n" + b"a;b\n" + f"{purse[8]};5;\tk;;\n".encode()
    batch_id = house.checked(content)
    assert house.exceptions(batch_id) == [
        (3, "amountOutOfRange"),
        (4, "amountOutOfRange"),
        (5, "amountOutOfRange"),
        (6, "noNumber"),
        (7, "noNumber"),
        (8, "wrongAsset"),
        (9, "unknownAccount"),
        (10, "unknownAccount"),
        (11, "closedAccount"),
        (12, "sameAccount"),
        (13, "duplicateGrantKey"),
        (14, "duplicateLine"),
        (15, "grantKeyUsed"),
        (16, "grantKeyMissing"),
        (17, "overCeiling"),
        (19, "overCeiling"),
        (20, "overCeiling"),
        (21, "malformed"),
        (22, "malformed"),
        (23, "malformed"),
        (24, "malformed"),
    ]
    batch = house.batch(batch_id)
    assert (batch.lines, batch.excluded, batch.total) == (23, 21, 40_010)
    assert code(lambda: house.submit(batch_id)) == "hasExceptions"
    house.submit(batch_id, partial=True)
    house.approve(batch_id)
    house.work()
    assert [entry[1:4] for entry in house.entries(batch_id)] == [
        (purse[1], 10, "k/2"),
        (f"{owners[0]}:burgerbudget", 40_000, "k/18"),
    ]
    assert house.balance(f"{owners[0]}:burgerbudget") == 100_000


def test_a_batch_of_exceptions_alone_cannot_be_submitted_even_in_part(house: BulkHouse) -> None:
    batch_id = house.checked([("holder:nobody:vrij", 10, "k/1")])
    assert code(lambda: house.submit(batch_id, partial=True)) == "nothingToPost"


def test_the_same_file_again_adds_nothing(house: BulkHouse) -> None:
    lines = gifts(house, 5)
    house.posted(lines)
    again = house.checked(lines)
    assert house.exceptions(again) == [(line, "grantKeyUsed") for line in range(2, 7)]
    assert code(lambda: house.submit(again, partial=True)) == "nothingToPost"
    assert house.balance(FUND) == 1_000_000_000 - 500


def test_two_batches_of_the_same_file_approved_together_post_each_line_once(house: BulkHouse) -> None:
    lines = gifts(house, 5)
    first, second = house.checked(lines), house.checked(lines)
    for batch_id in (first, second):
        house.submit(batch_id)
        house.approve(batch_id)
    assert house.figures(FUND) == (1_000_000_000, 1_000)
    house.work()
    posted, failed = house.batch(first), house.batch(second)
    assert (posted.posted_lines, posted.failed_lines) == (5, 0)
    assert (failed.state, failed.posted_lines, failed.failed_lines, failed.failed_total) == ("posted", 0, 5, 500)
    assert (failed.first_journal, failed.last_journal) == (None, None)
    assert house.all_exceptions(second) == [(line, "grantKeyUsed", "posting") for line in range(2, 7)]
    assert house.figures(FUND) == (999_999_500, 0)


def test_a_maker_does_not_approve_and_the_database_agrees(house: BulkHouse, wallet_owner_url: str) -> None:
    batch_id = house.checked(gifts(house, 1))
    house.submit(batch_id)
    maker_too = Caller("mara", frozenset({Role.FINANCE_CHECKER}))
    assert code(lambda: house.approve(batch_id, maker_too)) == "sameSubject"
    with psycopg.connect(wallet_owner_url) as owner, pytest.raises(psycopg.errors.CheckViolation) as refused:
        owner.execute("UPDATE ledger.bulk_batch SET approved_by = maker, approved_at = now()")
    assert refused.value.diag.constraint_name == "bulk_batch_approved_by_another"


def test_only_the_content_that_was_shown_is_approved(house: BulkHouse) -> None:
    batch_id = house.checked(gifts(house, 1))
    house.submit(batch_id)
    assert code(lambda: house.approve(batch_id, content_hash=bytes(32))) == "wrongHash"
    assert house.figures(FUND) == (1_000_000_000, 0)


def test_too_little_on_the_source_holds_nothing_and_can_be_asked_again_after_a_deposit(
    wallet_database: Database,
) -> None:
    house = BulkHouse(wallet_database, deposit=150)
    batch_id = house.checked(gifts(house, 2))
    house.submit(batch_id)
    with pytest.raises(Refusal) as refused:
        house.approve(batch_id)
    assert (refused.value.errors[0].code, FUND in refused.value.message) == ("tooLittle", True)
    assert (house.batch(batch_id).state, house.figures(FUND)) == ("submitted", (150, 0))
    house.post(Transfer("bank:current", FUND, 50), kind="deposit")
    house.approve(batch_id)
    house.work()
    assert (house.batch(batch_id).posted_total, house.figures(FUND)) == (200, (0, 0))


def test_what_is_reserved_cannot_be_spent_by_another(wallet_database: Database) -> None:
    house = BulkHouse(wallet_database, deposit=250)
    house.approved(gifts(house, 2))
    purse = f"{house.holder()}:vrij"
    assert code(lambda: house.post(Transfer(FUND, purse, 51))) == "tooLittle"
    house.post(Transfer(FUND, purse, 50))
    house.work()
    assert house.figures(FUND) == (0, 0)


def test_a_step_in_the_wrong_state_is_refused(house: BulkHouse) -> None:
    batch_id = house.send(gifts(house, 1))
    assert code(lambda: house.submit(batch_id)) == "wrongState"
    house.work()
    assert code(lambda: house.approve(batch_id)) == "wrongState"
    house.submit(batch_id)
    assert code(lambda: house.submit(batch_id)) == "wrongState"
    house.approve(batch_id)
    for act in (lambda: house.approve(batch_id), lambda: house.withdraw(batch_id)):
        assert code(act) == "wrongState"
    house.work()
    assert code(lambda: house.withdraw(batch_id)) == "wrongState"


def test_a_batch_is_submitted_and_withdrawn_by_its_maker_only(house: BulkHouse) -> None:
    batch_id = house.checked(gifts(house, 1))
    other = Caller("otto", frozenset({Role.FINANCE_MAKER}))
    assert code(lambda: house.submit(batch_id, other)) == "notTheMaker"
    assert code(lambda: house.withdraw(batch_id, other)) == "notTheMaker"
    assert code(lambda: house.submit(batch_id, BURGERBUDGET)) == "unknownBatch"
    assert house.withdraw(batch_id).state == "withdrawn"
    house.work()
    assert house.batch(batch_id).state == "withdrawn"


def test_a_batch_withdrawn_while_it_is_loading_is_loaded_no_further(house: BulkHouse) -> None:
    batch_id = house.send(gifts(house, 1))
    house.withdraw(batch_id)
    house.work()
    assert house.rows("SELECT 1 FROM ledger.bulk_line") == []
    assert house.rows("SELECT 1 FROM inbox_piece") == []


def test_a_services_own_submission_approves_and_stays_within_its_scheme(house: BulkHouse) -> None:
    anna, ben = house.holders(2)
    lines = [(f"{anna}:vrij", 100, "use/1"), (f"{ben}:belkosten", 100, "use/2"), ("bank:outgoing", 100, "use/3")]
    batch_id = house.checked(lines, BURGERBUDGET, kind="use", reason=None)
    assert house.exceptions(batch_id) == [(3, "outsideScope"), (4, "outsideScope")]
    batch = house.submit(batch_id, BURGERBUDGET, partial=True)
    assert (batch.state, batch.approved_by) == ("approved", "burgerbudget")
    house.work()
    [journal] = house.rows("SELECT actor, on_behalf_of FROM ledger.journal WHERE batch = :id", id=str(batch_id))
    assert tuple(journal) == ("burgerbudget", "mara")
    assert house.figures(FUND) == (999_999_900, 0)


def test_what_no_line_can_mend_is_refused_at_the_door(house: BulkHouse) -> None:
    owner = house.holder()
    house.post(Transfer(FUND, f"{owner}:burgerbudget", 50), Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 20))
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.open_account('payable:oud', 'EUR', 'payable', 0, NULL, 10)"))
        db.execute(text("SELECT ledger.close_account('payable:oud')"))
    lines = [("bank:outgoing", 1, "k/1")]
    by_hand = {
        "kindNotAllowed": {"kind": "payout"},
        "reasonMissing": {"reason": None},
        "unknownAccount": {"source": "fund:nergens"},
        "wrongAsset": {"asset": "POINT"},
        "closedAccount": {"source": "payable:oud"},
        "protectedPurse": {"source": f"{owner}:vrij"},
    }
    for expected, asked in by_hand.items():
        assert code(lambda asked=asked: house.send(lines, **asked)) == expected
    assert code(lambda: house.send(lines, source=f"{owner}:burgerbudget")) == "protectedPurse"
    assert code(lambda: house.send(lines, BURGERBUDGET, source="bank:current")) == "outsideScope"
    assert code(lambda: house.send(lines, BURGERBUDGET, kind="manual")) == "kindNotAllowed"
    assert house.rows("SELECT 1 FROM ledger.bulk_batch") == []


def test_a_purse_that_burgerbudget_filled_meanwhile_is_not_approved_as_source(house: BulkHouse) -> None:
    owner, other = house.holders(2)
    house.post(Transfer(FUND, f"{owner}:vrij", 100))
    batch_id = house.checked([(f"{other}:vrij", 40, "k/1")], source=f"{owner}:vrij")
    house.submit(batch_id)
    house.post(Transfer(FUND, f"{owner}:burgerbudget", 50), Transfer(f"{owner}:burgerbudget", f"{owner}:vrij", 20))
    assert code(lambda: house.approve(batch_id)) == "protectedPurse"
    assert house.figures(f"{owner}:vrij") == (120, 0)


def test_a_purse_can_be_the_source_and_a_fund_a_destination(house: BulkHouse) -> None:
    owner, other = house.holders(2)
    house.post(Transfer(FUND, f"{owner}:vrij", 1_000))
    lines = [(f"{other}:vrij", 40, "k/1"), (FUND, 60, "k/2", "case/2"), ("bank:outgoing", 5, "k/3")]
    batch_id = house.posted(lines, source=f"{owner}:vrij")
    assert house.all_figures([f"{owner}:vrij", f"{other}:vrij", FUND]) == {
        f"{owner}:vrij": (895, 0),
        f"{other}:vrij": (40, 0),
        FUND: (999_999_060, 0),
    }
    assert (house.batch(batch_id).posted_lines, house.faults()) == (3, [])


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


def test_a_worker_stopped_after_any_step_is_followed_by_one_that_finishes(house: BulkHouse) -> None:
    lines = gifts(house, 9)
    batch_id = house.send(lines, chunk_lines=3)
    states = []
    while house.batch(batch_id).state != "checked":
        house.work_steps(1)
        states.append(house.batch(batch_id).state)
    # One block, four checks and the count.
    assert states == ["checking"] * 5 + ["checked"]
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


class TestWhatStays:
    """From the moment it is checked nothing of a batch changes, whoever tries."""

    @pytest.fixture
    def posted(self, house: BulkHouse) -> UUID:
        return house.posted([*gifts(house, 2), ("holder:nobody:vrij", 1, "x")], partial=True)

    def test_no_row_is_changed_deleted_or_emptied_by_the_service_the_owner_or_a_superuser(
        self, house: BulkHouse, posted: UUID, wallet_db: Any
    ) -> None:
        changes = {
            "bulk_line": "amount = amount + 1",
            "bulk_exception": "code = 'x'",
            "bulk_chunk": "lines = lines + 1",
            "bulk_batch": "total = total + 1",
        }
        for table, change in changes.items():
            for statement in (
                f"DELETE FROM ledger.{table}",
                f"TRUNCATE ledger.{table} CASCADE",
                f"UPDATE ledger.{table} SET {change}",
            ):
                frozen = table == "bulk_batch" and statement.startswith("UPDATE")
                service = refusal_of(wallet_db.service_url, statement)
                assert service == ("23001" if frozen else "42501"), statement
                assert refusal_of(wallet_db.owner_url, statement) == "23001", statement
                replica = f"SET session_replication_role = replica; {statement}"
                assert refusal_of(wallet_db.superuser_url, replica) == "23001", replica

    def test_no_row_is_added_to_a_batch_that_was_checked(self, house: BulkHouse, posted: UUID, wallet_db: Any) -> None:
        checked = house.checked([(f"{house.holder()}:vrij", 5, "later")])
        for batch_id in (posted, checked):
            line = f"INSERT INTO ledger.bulk_line VALUES ('{batch_id}', 99, 1, 'a', 'b', NULL, NULL)"
            exception = f"INSERT INTO ledger.bulk_exception VALUES ('{batch_id}', 99, 'x', 'x', 'checking')"
            for statement in (line, exception):
                for url in (wallet_db.service_url, wallet_db.owner_url, wallet_db.superuser_url):
                    assert refusal_of(url, statement) == "23001", statement
        nowhere = "INSERT INTO ledger.bulk_line VALUES (gen_random_uuid(), 99, 1, 'a', 'b', NULL, NULL)"
        assert refusal_of(wallet_db.service_url, nowhere) == "23001"

    def test_the_service_posts_no_chunk_by_itself(self, posted: UUID, wallet_db: Any) -> None:
        chunk = f"INSERT INTO ledger.bulk_chunk VALUES ('{posted}', 9, 0, 0, 0, 0, NULL, now())"
        assert refusal_of(wallet_db.service_url, chunk) == "42501"
        for function in ("except_duplicates", "lock_bulk", "bulk_chunks"):
            arguments = {"except_duplicates": f"'{posted}'", "lock_bulk": "'a', '{}'", "bulk_chunks": "NULL"}[function]
            assert refusal_of(wallet_db.service_url, f"SELECT ledger.{function}({arguments})") == "42501"

    def test_a_batch_takes_no_step_that_is_not_its_next(self, house: BulkHouse, wallet_db: Any) -> None:
        batch_id = house.checked(gifts(house, 1))
        steps = {
            # A hold of the total is missing; the lines are not posted; totals were changed; states were passed over.
            "state = 'submitted', partial = false, submitted_at = now()": None,
            "state = 'posting'": "23001",
            "state = 'loading'": "23001",
            "total = total + 1": "23001",
            "content_hash = sha256('x')": "23001",
            "source = 'fund:x'": "23001",
            "chunk_lines = 1": "23001",
        }
        for change, expected in steps.items():
            statement = f"UPDATE ledger.bulk_batch SET {change} WHERE id = '{batch_id}'"
            assert refusal_of(wallet_db.service_url, statement) == expected, change
        house.submit(batch_id)
        approve = "state = 'approved', approved_by = 'chuck', approved_at = now()"
        statement = f"UPDATE ledger.bulk_batch SET {approve} WHERE id = '{batch_id}'"
        assert refusal_of(wallet_db.service_url, statement) == "23001", "approved without its total being held"

    def test_a_batch_is_not_closed_on_other_totals_than_its_chunks(self, house: BulkHouse, wallet_db: Any) -> None:
        batch_id = house.approved(gifts(house, 3), chunk_lines=2)
        house.work_steps(1)
        close = (
            "UPDATE ledger.bulk_batch SET state = 'posted', posted_lines = {0}, posted_total = {1}, failed_lines = {2},"
            " failed_total = {3}, first_journal = 1, last_journal = 1, posted_at = now()"
        )
        assert refusal_of(wallet_db.service_url, close.format(3, 300, 0, 0)) == "23001"
        assert refusal_of(wallet_db.service_url, close.format(3, 300, 1, 0)) in ("23001", "23514")
        assert house.batch(batch_id).state == "posting"


def refusal_of(url: str, statement: str) -> str | None:
    """Give the SQLSTATE with which a statement is refused, or None."""
    with psycopg.connect(url) as connection:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            return error.sqlstate
        finally:
            connection.rollback()
    return None


def test_a_header_alone_with_blank_lines_is_refused_at_the_door(house: BulkHouse) -> None:
    assert code(lambda: house.send(f"{HEADER}\n \n".encode())) == "emptyFile"
    assert MARA.has(Role.FINANCE_MAKER) and CHUCK.has(Role.FINANCE_CHECKER)


def test_a_line_excluded_before_approval_stays_so_when_its_chunk_fails(house: BulkHouse) -> None:
    anna, ben = (f"{owner}:vrij" for owner in house.holders(2))
    batch_id = house.approved([(anna, 10, "k/1"), (ben, 20, "k/1"), (ben, 40, "k/2")], partial=True)
    house.post(Transfer(FUND, anna, 1, grant_key="k/1"))
    house.work()
    assert house.all_exceptions(batch_id) == [(2, "grantKeyUsed", "posting"), (3, "duplicateGrantKey", "checking")]
    batch = house.batch(batch_id)
    assert (batch.posted_lines, batch.posted_total, batch.failed_lines, batch.failed_total) == (1, 40, 1, 10)
