"""From file to close: every line posted once or explained, and the totals say so."""

from __future__ import annotations

import hashlib
from datetime import date

from sqlalchemy import text

from tests.integration.wallet.bulk_house import BURGERBUDGET, BulkHouse, csv_of
from tests.integration.wallet.ledger_books import FUND
from tests.integration.wallet.test_bulk.conftest import code, gifts
from wallet.ledger.actions import Transfer
from wallet.ledger.bulk.rules import CHUNK_LINES


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


def test_thousands_of_plain_lines_are_stored_as_they_stand(house: BulkHouse) -> None:
    """Without a reference, without an explanation, with neither, and with what a copy would take for something else."""
    purses = [f"{owner}:vrij" for owner in house.holders(3_000)]
    more = [("case/1", "gift"), ("case\\n", ""), ("", "gift"), ("", "")]
    lines = [(purse, f"{number + 1:04}", f"gift/{number}", *more[number % 4]) for number, purse in enumerate(purses)]
    batch_id = house.posted(csv_of(lines).replace(b"\n", b"\r\n"))
    stored = house.rows("SELECT * FROM ledger.bulk_line WHERE batch_id = :id ORDER BY line", id=batch_id)
    assert [
        (row.line, row.destination, row.amount, row.grant_key, row.reference, row.explanation) for row in stored
    ] == [
        (number + 2, purse, number + 1, f"gift/{number}", more[number % 4][0] or None, more[number % 4][1] or None)
        for number, purse in enumerate(purses)
    ]
    # 3,000 * 3,001 / 2.
    assert house.batch(batch_id).posted_total == 4_501_500
    assert house.faults() == []


def test_one_strange_line_among_thousands_is_named_and_the_others_are_there(house: BulkHouse) -> None:
    lines: list[tuple[object, ...]] = [*gifts(house, 2_500)]
    lines[1_700] = ("bank:current", 100, "gift/1700")
    lines[2_200] = (lines[2_200][0], "een", "gift/2200")
    batch_id = house.checked(lines, BURGERBUDGET, reason=None)
    batch = house.batch(batch_id)
    assert (batch.lines, batch.excluded, batch.total) == (2_500, 2, 249_800)
    assert [tuple(row) for row in house.rows("SELECT line, code FROM ledger.bulk_exception ORDER BY line")] == [
        (1_702, "outsideScope"),
        (2_202, "noNumber"),
    ]
