"""The verifier and transfer batches: green on honest ones, and each way of tampering with one is named."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import text

from tests.integration.wallet.bulk_house import BulkHouse
from tests.integration.wallet.ledger_books import FUND
from tests.integration.wallet.test_audit.conftest import Books, SealFiles
from tests.support.databases import ServiceDatabase
from wallet.audit import bulk_content, sealed_rows
from wallet.ledger.actions import Transfer

TABLES = ("bulk_batch", "bulk_line", "bulk_exception", "bulk_chunk", "entry", "journal")


FIRST_PAID = "(SELECT account_id FROM ledger.entry WHERE grant_key = 'k/0')"


@pytest.fixture
def house(wallet_db: ServiceDatabase) -> BulkHouse:
    return BulkHouse(wallet_db.database)


@pytest.fixture
def books(wallet_db: ServiceDatabase, house: BulkHouse, tmp_path: Path) -> Books:
    """The same database as the verifier, and who tampers with it, sees it."""
    key = tmp_path / "seal-key.json"
    key.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), encoding="ascii")
    files = SealFiles(key, tmp_path / "anchor")
    return Books(wallet_db.database, wallet_db.service_url, wallet_db.superuser_url, files)


@pytest.fixture
def batch_id(house: BulkHouse) -> UUID:
    """A batch of seven lines in three chunks: one not posted because of the check, two refused under lock."""
    owners = house.holders(6)
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.open_account('payable:dicht', 'EUR', 'payable', 0, NULL, 10)"))
    lines = [
        (f"{owners[0]}:vrij", 1, "k/1", "case/1", "gift"),
        ("holder:nobody:vrij", 2, "k/2"),
        ("payable:dicht", 4, "k/3"),
        (f"{owners[1]}:vrij", 8, "k\\4"),
        (f"{owners[2]}:vrij", 16, "k/5", "case/5"),
        (f"{owners[3]}:vrij", 32, "k/6"),
        ("bank:outgoing", 64, "k/7"),
    ]
    made = house.approved(lines, partial=True, chunk_lines=3)
    house.post(Transfer(FUND, f"{owners[5]}:vrij", 3, grant_key="k/6"))
    with house.database.transaction() as db:
        db.execute(text("SELECT ledger.close_account('payable:dicht')"))
    house.work()
    batch = house.batch(made)
    assert (batch.posted_lines, batch.posted_total, batch.failed_lines, batch.failed_total) == (4, 89, 2, 36)
    return made


def test_a_batch_with_lines_that_failed_and_one_of_which_all_failed_are_whole(
    house: BulkHouse, batch_id: UUID, books: Books
) -> None:
    nothing = house.checked([(f"{house.holder()}:vrij", 5, "late")])
    house.submit(nothing)
    house.approve(nothing)
    house.post(Transfer(FUND, f"{house.holder()}:vrij", 3, grant_key="late"))
    house.work()
    assert house.batch(nothing).failed_lines == 1
    approved = house.approved([(f"{house.holder()}:vrij", 5, f"k/{n}") for n in (10, 11)], chunk_lines=2)
    house.work_steps(1)
    assert house.batch(approved).state == "posting"

    report = books.verify()

    assert report.differences == []


def test_a_batch_with_a_chunk_of_which_no_line_was_left_is_whole(house: BulkHouse, books: Books) -> None:
    first, last = house.holders(2)
    lines = [(f"{first}:vrij", 1, "k/1"), ("holder:nobody:vrij", 2, "k/2"), (f"{last}:vrij", 4, "k/3")]
    made = house.posted(lines, partial=True, chunk_lines=1)
    books.seal()

    assert (house.batch(made).posted_lines, house.batch(made).excluded) == (2, 1)
    assert books.verify().differences == []


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        ("UPDATE ledger.entry SET reference = 'case/x' WHERE grant_key = 'k/1'", {"bulk_batch"}),
        ("UPDATE ledger.entry SET grant_key = 'k/9' WHERE grant_key = 'k/5'", {"bulk_batch"}),
        ("UPDATE ledger.entry SET grant_key = NULL WHERE grant_key = 'k/5'", {"bulk_batch", "bulk_chunk"}),
        ("UPDATE ledger.journal SET value_date = '2026-10-02' WHERE chunk = 2", {"journal"}),
        ("UPDATE ledger.journal SET batch = NULL WHERE chunk = 2", {"bulk_chunk"}),
        ("UPDATE ledger.bulk_batch SET content_hash = sha256('x')", {"bulk_batch"}),
        ("UPDATE ledger.bulk_batch SET reason = 'x'", {"bulk_batch", "journal"}),
        ("UPDATE ledger.bulk_batch SET posted_total = 88, failed_total = 37", {"bulk_batch"}),
        ("UPDATE ledger.bulk_chunk SET total = 7 WHERE chunk = 2", {"bulk_chunk", "bulk_batch"}),
        ("UPDATE ledger.bulk_line SET amount = 5 WHERE line = 4", {"bulk_batch"}),
        ("DELETE FROM ledger.bulk_exception WHERE line = 4", {"bulk_batch"}),
        ("DELETE FROM ledger.bulk_chunk WHERE chunk = 2", {"bulk_chunk", "bulk_batch"}),
    ],
)
def test_whatever_is_changed_about_a_batch_is_found(
    batch_id: UUID, books: Books, change: str, checks: set[str]
) -> None:
    assert books.verify().ok
    switches = [f"ALTER TABLE ledger.{table} {{}} TRIGGER ALL" for table in TABLES]
    off, on = ([one.format(word) for one in switches] for word in ("DISABLE", "ENABLE"))

    books.tamper(*off, change, *on)
    report = books.verify()

    assert {difference.table for difference in report.differences} == checks


def test_what_was_paid_is_hashed_in_the_order_of_its_lines_however_it_lies(
    house: BulkHouse, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.posted([(f"{owner}:vrij", 5, f"k/{n}") for n, owner in enumerate(house.holders(3))])
    books.tamper("UPDATE ledger.entry SET line = line WHERE grant_key = 'k/0'")
    plans = "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off"
    monkeypatch.setattr(bulk_content, "_PLANS", plans)
    in_order: list[bool] = []
    rises = bulk_content._rises
    monkeypatch.setattr(bulk_content, "_rises", lambda lines: in_order.append(rises(lines)) or in_order[-1])

    assert books.verify().differences == []
    assert in_order == [False]


@pytest.fixture
def two_chunks(house: BulkHouse, books: Books) -> UUID:
    """A batch of three lines in two chunks, and a transfer behind it, each sealed in a block of its own."""
    owners = house.holders(4)
    made = house.posted(
        [(f"{owner}:vrij", 5, f"k/{n}", "zaak é", "gift") for n, owner in enumerate(owners[:3])], chunk_lines=2
    )
    house.post(Transfer(FUND, f"{owners[3]}:vrij", 3, grant_key="alone"))
    assert books.seal(most_entries=1) == 4
    return made


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Which batches were read for their content alone."""
    read: list[UUID] = []
    written = bulk_content._written
    monkeypatch.setattr(bulk_content, "_written", lambda db, batch: (read.append(batch.id), written(db, batch))[1])
    return read


def test_a_batch_that_passes_by_under_its_seals_is_not_read_again(
    two_chunks: UUID, books: Books, read_again: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many entries would come: in the order of their index.
    monkeypatch.setattr(sealed_rows, "_AT_ONCE", "SET LOCAL enable_bitmapscan = off")

    report = books.verify()

    assert (report.differences, report.blocks) == ([], 4)
    assert read_again == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.entry SET explanation = 'x' WHERE grant_key = 'k/2'",
        f"UPDATE ledger.account SET address = 'holder:x:vrij' WHERE id = {FIRST_PAID}",
        "UPDATE ledger.bulk_batch SET content_hash = sha256('x')",
        "UPDATE ledger.bulk_batch SET reason = 'x'",
        "DELETE FROM ledger.entry WHERE grant_key = 'k/1'",
        "DELETE FROM ledger.bulk_chunk WHERE chunk = 2",
    ],
)
@pytest.mark.parametrize("first", [1, 3, 4])
def test_a_batch_that_passes_by_and_is_not_what_was_approved_is_named(
    first: int, change: str, two_chunks: UUID, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a verification begins behind its first chunk, or behind all of it."""
    monkeypatch.setattr(sealed_rows, "_AT_ONCE", "SET LOCAL enable_bitmapscan = off")
    tables = (*TABLES, "account")
    switches = [f"ALTER TABLE ledger.{table} {{}} TRIGGER ALL" for table in tables]
    off, on = ([one.format(word) for one in switches] for word in ("DISABLE", "ENABLE"))
    books.tamper(*off, change, *on)

    report = books.verify(from_block=first)

    assert ("bulk_batch", f"id={two_chunks}") in {(one.table, one.key) for one in report.differences}


def test_a_batch_of_which_not_every_chunk_passes_by_is_read_again(
    two_chunks: UUID, books: Books, read_again: list[UUID]
) -> None:
    assert books.verify(from_block=3).differences == []
    assert read_again == [two_chunks]


def test_a_batch_with_a_chunk_that_no_seal_has_yet_is_read_again_and_named(
    two_chunks: UUID, house: BulkHouse, books: Books, read_again: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passed is all that was approved, and not all that was posted for it."""
    monkeypatch.setattr(sealed_rows, "_AT_ONCE", "SET LOCAL enable_bitmapscan = off")
    house.post(Transfer(FUND, f"{house.holder()}:vrij", 3, grant_key="more"))
    books.tamper(
        "INSERT INTO ledger.bulk_chunk SELECT (jsonb_populate_record(c, jsonb_build_object('chunk', 3, 'journal_id',"
        " (SELECT max(id) FROM ledger.journal), 'lines', 1, 'total', 3))).* FROM ledger.bulk_chunk c WHERE chunk = 2"
    )

    found = {difference.what.split(" is ")[0] for difference in books.verify().differences}

    assert read_again == [two_chunks]
    assert "its content_hash" in found


def test_a_batch_whose_lines_do_not_pass_in_order_is_read_again(
    two_chunks: UUID, books: Books, read_again: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    books.tamper("UPDATE ledger.entry SET line = line WHERE grant_key = 'k/0'")
    as_they_lie = (
        "SET LOCAL enable_hashjoin = on; SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off;"
        " SET LOCAL enable_bitmapscan = off"
    )
    monkeypatch.setattr(sealed_rows, "_AT_ONCE", as_they_lie)

    assert books.verify().differences == []
    assert read_again == [two_chunks]
