"""Sealing: everything once, nothing lost, signed in the same transaction and anchored after it."""

from __future__ import annotations

import fcntl
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlalchemy import text

from tests.integration.wallet.test_audit.conftest import ANNA, BEN, CAS, Books, SealedBooks
from wallet.audit import anchor, queries, rules
from wallet.audit.anchor import AnchorDisagreesError
from wallet.audit.signing import seal_key


def anchored(books: Books) -> list[int]:
    path = books.files.anchor_file
    return [line.number for line in anchor.read(path, anchor.size(path))]


def test_a_block_says_what_it_holds(sealed: SealedBooks) -> None:
    found = sealed.books.rows(
        "SELECT number, journals, entries, first_journal, last_journal, sums FROM ledger.block ORDER BY 1"
    )

    # The deposit has 2 entries, the start 3 and one of the fund, the use 2; credited: 1,000.00 + 300.00 + 30.00.
    assert found == [
        (1, 3, 8, sealed.deposit, sealed.use, {"EUR": 133_000}),
        (2, 1, 2, sealed.payout, sealed.payout, {"EUR": 3_000}),
    ]
    assert sealed.books.rows("SELECT * FROM ledger.unsealed") == []
    assert anchored(sealed.books) == [1, 2]


def test_the_sealed_leaves_are_those_of_the_documented_format(sealed: SealedBooks) -> None:
    kept = dict(sealed.books.rows("SELECT journal_id, leaves FROM ledger.block_journal"))
    terms = ", ".join(f"a.{name} AS account_{name}" for name in rules.ACCOUNT_FIELDS)
    with psycopg.connect(sealed.books.superuser_url, row_factory=dict_row) as connection:
        for journal in connection.execute("SELECT * FROM ledger.journal"):
            entries = connection.execute(
                f"SELECT e.*, {terms} FROM ledger.entry e JOIN ledger.account a ON a.id = e.account_id"
                " WHERE e.journal_id = %s ORDER BY e.line",
                (journal["id"],),
            ).fetchall()
            encoded = [rules.encode_journal(journal)]
            encoded += [
                rules.encode_entry(entry, {name: entry[f"account_{name}"] for name in rules.ACCOUNT_FIELDS})
                for entry in entries
            ]
            assert kept.pop(journal["id"]) == b"".join(rules.leaf(one) for one in encoded)
    assert kept == {}


def test_sealing_when_nothing_waits_makes_no_block(sealed: SealedBooks) -> None:
    assert sealed.books.seal() == 0
    assert sealed.books.rows("SELECT count(*) FROM ledger.block") == [(2,)]


def test_a_long_queue_becomes_several_blocks_that_chain(books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 100_000))
    for number in range(9):
        books.post_alone("start", ("fund:burgerbudget", f"{ANNA}:burgerbudget", 100 + number))

    # 10 journals of 2 entries; a block takes journals until it has 5 entries or more.
    assert books.seal(most_entries=5) == 4
    blocks = books.rows("SELECT journals, entries, previous_header, header FROM ledger.block ORDER BY number")
    assert [block[:2] for block in blocks] == [(3, 6), (3, 6), (3, 6), (1, 2)]
    assert [block[2] for block in blocks] == [rules.NO_HEADER, *(block[3] for block in blocks[:-1])]
    assert books.verify().ok


def test_a_journal_that_commits_late_falls_into_a_later_block(sealed: SealedBooks) -> None:
    books = sealed.books
    with books.database.transaction() as late:
        first = books.post(late, "use", (f"{BEN}:burgerbudget", f"{BEN}:vrij", 100))
        second = books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
        assert first < second
        assert books.seal() == 1
    assert books.seal() == 1

    found = books.rows("SELECT number, first_journal, last_journal FROM ledger.block WHERE number > 2 ORDER BY 1")
    assert found == [(3, second, second), (4, first, first)]
    assert books.verify().ok


def test_nothing_is_lost_when_many_post_while_two_seal(books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 90_000))
    books.post_alone("start", *[("fund:burgerbudget", f"{who}:burgerbudget", 30_000) for who in (ANNA, BEN, CAS)])
    done = threading.Event()

    def use(who: str) -> None:
        for _ in range(60):
            books.post_alone("use", (f"{who}:burgerbudget", f"{who}:vrij", 7))

    def seal() -> int:
        made = 0
        while not done.is_set():
            made += books.seal(most_entries=20)
        return made

    with ThreadPoolExecutor(5) as pool:
        sealers = [pool.submit(seal) for _ in range(2)]
        for user in [pool.submit(use, who) for who in (ANNA, BEN, CAS)]:
            user.result()
        done.set()
        made = sum(sealer.result() for sealer in sealers)
    made += books.seal(most_entries=20)

    report = books.verify()
    assert report.as_lines()[-1] == "0 differences"
    assert (report.journals, report.unsealed, report.not_anchored) == (182, 0, 0)
    assert anchored(books) == list(range(1, made + 1))
    assert books.rows("SELECT count(*), count(DISTINCT journal_id) FROM ledger.block_journal") == [(182, 182)]


def test_a_crash_between_commit_and_anchor_is_made_good(sealed: SealedBooks) -> None:
    books, path = sealed.books, sealed.books.files.anchor_file
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\n") + 30])  # the second line was only begun

    report = books.verify()
    assert report.ok
    assert report.not_anchored == 1
    assert books.seal() == 0
    assert path.read_bytes() == whole


def seal_and_anchor_under_a_lock_of_ones_own(books: Books, file: BinaryIO) -> None:
    """Do what a sealer does that has the anchor file already."""
    key = seal_key(books.files.seal_key_file)
    with books.database.transaction() as db:
        drafted = queries.draft_next_block(db, 1000)
        assert drafted is not None
        queries.sign_block(db, drafted[0], key.sign(drafted[1]), key.key_id)
    with books.database.reading() as db:
        file.writelines(each.line() for each in queries.anchors_from(db, drafted[0]))
    file.flush()


def test_a_sealer_that_waited_for_the_anchor_knows_the_block_that_was_anchored_meanwhile(sealed: SealedBooks) -> None:
    """It looks at the database after the file: the other way round the newest block would seem to be lost."""
    books = sealed.books
    books.post_alone("late", ("fund:burgerbudget", f"{CAS}:vrij", 1))
    with books.files.anchor_file.open("ab") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = pool.submit(books.seal)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        seal_and_anchor_under_a_lock_of_ones_own(books, file)
        fcntl.flock(file, fcntl.LOCK_UN)
        assert waiting.result(timeout=30) == 0
    assert books.verify().ok


def test_nothing_is_sealed_on_top_of_a_history_that_lost_its_tail(sealed: SealedBooks) -> None:
    books = sealed.books
    books.tamper("DELETE FROM ledger.block_journal WHERE block_number = 2", "DELETE FROM ledger.block WHERE number = 2")
    books.tamper(f"INSERT INTO ledger.unsealed VALUES ({sealed.payout})")

    with pytest.raises(AnchorDisagreesError, match="anchored block 2, which is not in the database"):
        books.seal()


def test_an_anchor_that_cannot_be_written_stops_sealing_before_anything_is_sealed(books: Books, tmp_path: Path) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 1))
    books.files.anchor_file.mkdir()

    with pytest.raises(IsADirectoryError):
        books.seal()
    assert books.rows("SELECT count(*) FROM ledger.block") == [(0,)]


def test_a_block_without_a_signature_cannot_be_committed(books: Books) -> None:
    journal = books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 1))

    with psycopg.connect(books.service_url) as connection:
        connection.execute("SELECT ledger.seal_next_block()")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="block 1 is not signed"):
            connection.commit()
    assert books.rows("SELECT journal_id FROM ledger.unsealed") == [(journal,)]


def test_a_seal_is_the_same_whatever_encoding_the_sealer_speaks(books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 1), reason="café")

    with psycopg.connect(books.service_url) as connection:
        roots = []
        for encoding in ("UTF8", "LATIN1"):
            connection.execute(f"SET client_encoding = '{encoding}'")
            roots.append(connection.execute("SELECT root FROM ledger.seal_next_block()").fetchone())
            assert connection.info.encoding == {"UTF8": "utf-8", "LATIN1": "iso8859-1"}[encoding]
            connection.rollback()
    assert roots[0] == roots[1] is not None
    assert books.seal() == 1
    assert books.verify().ok


def test_who_seals_while_another_seals_finds_nothing_to_do(books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 1))

    with psycopg.connect(books.service_url) as other:
        other.execute("SELECT ledger.seal_next_block()")
        assert books.seal() == 0
        other.rollback()
    assert books.seal() == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger.{} SET root = root", "DELETE FROM ledger.{}", "TRUNCATE ledger.{}"]
)
@pytest.mark.parametrize("table", ["block", "block_journal"])
def test_blocks_are_append_only_even_for_their_owner(
    sealed: SealedBooks, wallet_owner_url: str, table: str, statement: str
) -> None:
    with psycopg.connect(wallet_owner_url) as owner, pytest.raises(psycopg.errors.RestrictViolation):
        owner.execute(statement.format(table))


@pytest.mark.parametrize("table", ["block", "block_journal", "block_draft", "unsealed"])
def test_the_service_cannot_write_seals_but_through_the_functions(books: Books, table: str) -> None:
    with books.database.reading() as db:
        allowed = text(f"SELECT has_table_privilege('ledger.{table}', 'INSERT, UPDATE, DELETE, TRUNCATE')")
        assert db.execute(allowed).scalar_one() is False
