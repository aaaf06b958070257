"""The verifier: green on honest books, and every way of tampering is found and the row named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from uuid import UUID

import pytest
from joserfc.jwk import OKPKey

from tests.integration.wallet.test_audit.conftest import ANNA, BEN, CAS, Books, SealedBooks
from wallet.audit import rules
from wallet.audit.differences import MOST_PER_CHECK, Report
from wallet.audit.signing import SealKeys
from wallet.audit.verifier import verify
from wallet.ledger.actions import open_loan

OTHER_VALUE = {
    "smallint": "{0} + 1",
    "int": "coalesce({0}, 0) + 1000",
    "bigint": "coalesce({0}, 0) + 1000",
    "text": "coalesce({0}, '') || 'x'",
    "date": "{0} + 1",
    "timestamptz": "{0} + interval '1 microsecond'",
    "uuid": "gen_random_uuid()",
    "bytea": "sha256({0})",
}


def first(report: Report) -> tuple[str, str, str]:
    difference = report.differences[0]
    return difference.table, difference.key, difference.what


def found(report: Report) -> list[tuple[str, str]]:
    return [(difference.table, difference.key) for difference in report.differences]


def columns(books: Books, table: str) -> set[str]:
    query = (
        f"SELECT column_name FROM information_schema.columns WHERE table_schema = 'ledger' AND table_name = '{table}'"
    )
    return {name for (name,) in books.rows(query)}


def account(books: Books, address: str) -> int:
    return int(books.rows(f"SELECT id FROM ledger.account WHERE address = '{address}'")[0][0])


def test_empty_books_are_whole(books: Books) -> None:
    report = books.verify()

    assert report.ok
    assert (report.blocks, report.journals, report.entries, report.unsealed) == (0, 0, 0, 0)


def test_honest_books_are_whole_and_what_is_not_sealed_yet_is_counted(sealed: SealedBooks) -> None:
    sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))

    report = sealed.books.verify()

    assert report.differences == []
    # Accounts: three of banks, two of lending, the fund, three of burgerbudget, vrij of Anna and of Cas.
    assert (report.blocks, report.journals, report.entries, report.accounts) == (2, 5, 12, 12)
    assert report.unsealed == 1


def test_what_is_lent_is_what_the_loans_owe(books: Books) -> None:
    lent = "lent:sociaal-krediet"
    with books.database.transaction() as db:
        loans = [open_loan(db, UUID(int=number), 175_000) for number in (1, 2)]
    books.post_alone("loan-receivable", *((loan, lent, 175_000) for loan in loans))
    books.post_alone("loan-repayment", (lent, loans[0], 4_861))
    assert books.verify().differences == []

    books.post_alone("mistake", (lent, f"{ANNA}:vrij", 5))

    told = "what is lent is 345134; the loans owe 345139"
    assert first(books.verify()) == ("balance", f"account_id={account(books, lent)}", told)


def test_an_edit_of_any_column_of_an_entry_is_found_and_the_entry_named(sealed: SealedBooks) -> None:
    books = sealed.books
    fund = account(books, "fund:burgerbudget")
    row = f"account_id = {fund} AND version = 2"
    for column, kind in rules.ENTRY_FIELDS.items():
        with books.edited("entry", column, OTHER_VALUE[kind].format(column), row):
            report = books.verify()

        key = {"account_id": fund, "version": 2}
        if column in key:
            key[column] += 1000
        line = 1007 if column == "line" else 7
        if column == "journal_id":
            expected = ("entry", f"journal_id={sealed.start}", "number 4 of its 4 sealed entries is gone")
        else:
            what = f"it (line {line} of journal {sealed.start}) is not as it was sealed"
            expected = ("entry", f"account_id={key['account_id']}, version={key['version']}", what)
        assert first(report) == expected, column
    assert books.verify().ok


def test_an_edit_of_any_column_of_a_journal_is_found_and_the_journal_named(sealed: SealedBooks) -> None:
    books = sealed.books
    books.tamper("ALTER TABLE ledger.journal ALTER COLUMN id DROP IDENTITY")
    for column, kind in rules.JOURNAL_FIELDS.items():
        with books.edited("journal", column, OTHER_VALUE[kind].format(column), f"id = {sealed.deposit}"):
            report = books.verify()

        what = "it is sealed and gone" if column == "id" else "it is not as it was sealed"
        assert first(report) == ("journal", f"id={sealed.deposit}", what), column
    assert books.verify().ok


def test_an_edit_of_an_accounts_terms_is_found_at_its_first_entry(sealed: SealedBooks) -> None:
    books = sealed.books
    books.tamper(
        *(f"ALTER TABLE ledger.account DROP CONSTRAINT account_{name}" for name in ("kind_check", "check", "check1"))
    )
    purse = account(books, f"{BEN}:burgerbudget")
    for column, kind in rules.ACCOUNT_FIELDS.items():
        with books.edited("account", column, OTHER_VALUE[kind].format(column), f"id = {purse}"):
            report = books.verify()

        what = f"it (line 4 of journal {sealed.start}) or its account is not as it was sealed"
        assert first(report) == ("entry", f"account_id={purse}, version=1", what), column
    assert books.verify().ok


def test_two_holders_whose_addresses_were_exchanged_are_found(sealed: SealedBooks) -> None:
    books = sealed.books
    one, two = account(books, f"{ANNA}:burgerbudget"), account(books, f"{BEN}:burgerbudget")
    books.tamper(
        f"UPDATE ledger.account SET address = 'holder:x' WHERE id = {one}",
        f"UPDATE ledger.account SET address = '{ANNA}:burgerbudget' WHERE id = {two}",
        f"UPDATE ledger.account SET address = '{BEN}:burgerbudget' WHERE id = {one}",
    )

    report = books.verify()

    assert found(report) == [("entry", f"account_id={one}, version=1"), ("entry", f"account_id={two}, version=1")]


def test_a_deleted_entry_is_found(sealed: SealedBooks) -> None:
    books = sealed.books
    purse = account(books, f"{CAS}:burgerbudget")
    books.tamper(f"DELETE FROM ledger.entry WHERE account_id = {purse}")

    report = books.verify()

    assert first(report) == ("entry", f"journal_id={sealed.start}", "number 3 of its 4 sealed entries is gone")
    assert ("journal", f"id={sealed.start}") in found(report)  # no longer adds up to 0
    assert ("balance", f"account_id={purse}") in found(report)


def test_a_block_whose_entries_are_all_gone_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper(f"DELETE FROM ledger.entry WHERE journal_id = {sealed.payout}")

    report = sealed.books.verify()

    assert first(report) == ("entry", f"journal_id={sealed.payout}", "number 1 of its 2 sealed entries is gone")
    assert ("journal", f"id={sealed.payout}") in found(report)  # it has no entries


def test_an_entry_added_to_a_sealed_journal_is_found(sealed: SealedBooks) -> None:
    books = sealed.books
    fund = account(books, "fund:burgerbudget")
    books.tamper(
        "INSERT INTO ledger.entry (account_id, version, journal_id, line, amount, balance_after, nonce) "
        f"VALUES ({fund}, 3, {sealed.start}, 8, 1, 70001, '\\x00')"
    )

    report = books.verify()

    key = f"account_id={fund}, version=3"
    assert first(report) == ("entry", key, f"it (line 8 of journal {sealed.start}) was added after the seal")


def test_two_entries_that_changed_places_are_found(sealed: SealedBooks) -> None:
    books = sealed.books
    one, two = account(books, f"{BEN}:burgerbudget"), account(books, f"{CAS}:burgerbudget")
    books.tamper(
        f"UPDATE ledger.entry SET line = 99 WHERE account_id = {one} AND journal_id = {sealed.start}",
        f"UPDATE ledger.entry SET line = 4 WHERE account_id = {two} AND journal_id = {sealed.start}",
        f"UPDATE ledger.entry SET line = 6 WHERE account_id = {one} AND journal_id = {sealed.start}",
    )

    assert found(books.verify()) == [
        ("entry", f"account_id={two}, version=1"),
        ("entry", f"account_id={one}, version=1"),
    ]


def test_a_deleted_journal_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper(f"DELETE FROM ledger.journal WHERE id = {sealed.use}")

    assert first(sealed.books.verify()) == ("journal", f"id={sealed.use}", "it is sealed and gone")


def test_a_journal_slipped_in_without_waiting_for_a_seal_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper(
        "INSERT INTO ledger.journal (kind, value_date, recorded_at, actor, format_version) "
        "VALUES ('start', '2026-10-01', now(), 'burgerbudget', 1)"
    )
    journal = sealed.books.rows("SELECT max(id) FROM ledger.journal")[0][0]

    report = sealed.books.verify()

    assert first(report) == ("journal", f"id={journal}", "it has no entries")


def test_a_journal_that_no_longer_waits_for_its_seal_is_found(sealed: SealedBooks) -> None:
    journal = sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    sealed.books.tamper("DELETE FROM ledger.unsealed")

    found = first(sealed.books.verify())

    assert found == ("journal", f"id={journal}", "no block seals it and it does not wait for one")


def test_a_cut_tail_is_found_because_the_anchor_has_more_blocks(sealed: SealedBooks) -> None:
    books = sealed.books
    vrij, outgoing = account(books, f"{ANNA}:vrij"), account(books, "bank:outgoing")
    # The whole payout taken out with care, so that everything inside the database agrees again.
    books.tamper(
        "DELETE FROM ledger.block WHERE number = 2",
        "DELETE FROM ledger.block_journal WHERE block_number = 2",
        f"DELETE FROM ledger.entry WHERE journal_id = {sealed.payout}",
        f"DELETE FROM ledger.journal WHERE id = {sealed.payout}",
        f"DELETE FROM ledger.hold_event WHERE hold_id = '{sealed.hold}'",
        f"DELETE FROM ledger.hold WHERE id = '{sealed.hold}'",
        f"UPDATE ledger.balance SET posted = 3000, version = 1 WHERE account_id = {vrij}",
        f"UPDATE ledger.balance SET posted = 0, version = 0 WHERE account_id = {outgoing}",
    )

    report = books.verify()

    assert first(report) == ("block", "number=2", "it is anchored and no longer in the database")
    assert report.found == 1


def test_a_block_cut_out_of_the_middle_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper("DELETE FROM ledger.block WHERE number = 1")

    report = sealed.books.verify()

    assert first(report) == ("block", "number=1", "it is gone: block 2 comes next")
    assert ("block", "number=1", "it is gone, and its journals are still under it") in {
        (d.table, d.key, d.what) for d in report.differences
    }


OTHER_BLOCK = {
    "previous_header": ("sha256('x')", "its previous_header is not the header of the block before it"),
    "root": ("sha256('x')", "its root is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"),
    "journals": ("7", "its journals is 7; its rows make 1"),
    "entries": ("7", "its entries is 7; its rows make 2"),
    "first_journal": ("1", "its first_journal is 1"),
    "last_journal": ("999", "its last_journal is 999"),
    "sums": ("""'{"EUR": 1}'""", "its sums is {'EUR': 1}; its rows make {'EUR': 3000}"),
    "sealed_at": ("sealed_at + interval '1 second'", "its header is not the hash of what it says of itself"),
    "format_version": ("2", "its format_version is 2; its rows make 1"),
    "header": ("sha256('x')", "its header is not the hash of what it says of itself"),
    "signature": ("sha256('x') || sha256('y')", "its signature is not that of key"),
    "key_id": ("'another'", "it is signed with key 'another', which is not one of ours"),
}


def test_an_edit_of_any_column_of_a_block_is_found(sealed: SealedBooks) -> None:
    books = sealed.books
    books.tamper("ALTER TABLE ledger.block DROP CONSTRAINT block_format_version_check")
    assert {*OTHER_BLOCK, "number"} == columns(books, "block")
    for column, (value, what) in OTHER_BLOCK.items():
        with books.edited("block", column, value, "number = 2"):
            table, key, said = first(books.verify())

        assert (table, key) == ("block", "number=2"), column
        assert said.startswith(what)
    assert books.verify().ok


def test_a_block_with_another_number_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper("UPDATE ledger.block SET number = 3 WHERE number = 2")

    assert first(sealed.books.verify()) == ("block", "number=2", "it is gone: block 3 comes next")


@pytest.mark.parametrize("column", ["root", "leaves"])
def test_an_edit_of_a_journals_root_or_leaves_is_found(sealed: SealedBooks, column: str) -> None:
    sealed.books.tamper(f"UPDATE ledger.block_journal SET {column} = sha256('x') WHERE position = 2")

    table, key, what = first(sealed.books.verify())

    assert (table, key) == ("block_journal", "block_number=1, position=2")
    assert what == f"its root and its leaves (of journal {sealed.start}) do not agree"


def test_a_root_that_is_no_hash_any_more_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper(
        "ALTER TABLE ledger.block_journal DROP CONSTRAINT block_journal_root_check",
        "UPDATE ledger.block_journal SET root = 'x' WHERE position = 2",
    )

    assert first(sealed.books.verify())[:2] == ("block_journal", "block_number=1, position=2")


def test_a_history_sealed_anew_without_the_key_is_found(sealed: SealedBooks, tmp_path: Path) -> None:
    """Everything in the database agrees, and is signed: with another key."""
    books = sealed.books
    other = tmp_path / "other-key.json"
    other.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), encoding="ascii")

    report = verify(books.service_url, SealKeys.read(other), books.files.anchor_file)

    assert found(report) == [("block", "number=1"), ("block", "number=2")]
    assert "which is not one of ours" in report.differences[0].what


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (
            "UPDATE ledger.balance SET posted = posted + 1 WHERE account_id = {0}",
            "posted is 7001; its entries make 7000",
        ),
        ("UPDATE ledger.balance SET version = 9 WHERE account_id = {0}", "version is 9; its last entry is 2"),
        ("UPDATE ledger.balance SET held = 1 WHERE account_id = {0}", "held is 1; its open holds add up to 0"),
        ("DELETE FROM ledger.balance WHERE account_id = {0}", "it is gone, and its account has entries"),
    ],
)
def test_an_edited_balance_is_found(sealed: SealedBooks, statement: str, what: str) -> None:
    purse = account(sealed.books, f"{ANNA}:burgerbudget")
    sealed.books.tamper(statement.format(purse))

    assert first(sealed.books.verify()) == ("balance", f"account_id={purse}", what)


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger.hold SET amount = 4000, remaining = 0", "DELETE FROM ledger.hold"]
)
def test_an_edited_hold_is_found(sealed: SealedBooks, statement: str) -> None:
    sealed.books.tamper(f"{statement} WHERE id = '{sealed.hold}'")

    assert found(sealed.books.verify()) == [("hold", f"id={sealed.hold}")]


def test_a_grant_key_used_twice_is_found(sealed: SealedBooks) -> None:
    sealed.books.tamper(
        "DROP INDEX ledger.entry_grant_key_once",
        "UPDATE ledger.entry SET grant_key = 'start/1' WHERE grant_key = 'use/1'",
    )

    report = sealed.books.verify()

    assert ("entry", "grant_key=start/1") in found(report)


def test_an_unsealed_journal_that_does_not_add_up_is_found(sealed: SealedBooks) -> None:
    journal = sealed.books.post_alone("use", (f"{CAS}:burgerbudget", f"{CAS}:vrij", 100))
    sealed.books.tamper(
        f"UPDATE ledger.entry SET amount = 200, balance_after = 200 WHERE journal_id = {journal} AND amount = 100",
        f"UPDATE ledger.balance SET posted = 200 WHERE account_id = {account(sealed.books, f'{CAS}:vrij')}",
    )

    assert first(sealed.books.verify()) == ("journal", f"id={journal}", "its entries in EUR add up to 100, not to 0")


def test_of_many_differences_of_one_kind_the_first_are_named_and_memory_stays_flat(books: Books) -> None:
    books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 100_000))
    books.post_alone("start", *[("fund:burgerbudget", f"{ANNA}:burgerbudget", 1) for _ in range(50)])
    books.seal()
    books.tamper("UPDATE ledger.entry SET explanation = 'x' WHERE journal_id > 1")

    report = books.verify()

    assert report.found == 51
    assert len(report.differences) == MOST_PER_CHECK
    assert report.as_lines()[-2:] == ["and 31 more like these", "51 differences"]


def test_every_column_with_meaning_is_under_the_seal(books: Books) -> None:
    """A column added to the books must be added to the leaves, in SQL and in rules.py, or be named here."""

    def sealed_by(function: str, alias: str) -> set[str]:
        source = books.rows(f"SELECT pg_get_functiondef('ledger.{function}'::regproc)")[0][0]
        return set(re.findall(rf"\({alias}\)\.(\w+)", source))

    assert columns(books, "entry") == set(rules.ENTRY_FIELDS) == sealed_by("entry_leaf", "e")
    assert columns(books, "journal") == set(rules.JOURNAL_FIELDS) == sealed_by("journal_leaf", "j")
    assert set(rules.ACCOUNT_FIELDS) == sealed_by("entry_leaf", "a")
    # The id is that of the entry; closing comes after the seal.
    assert columns(books, "account") - set(rules.ACCOUNT_FIELDS) == {"id", "closed_at"}
