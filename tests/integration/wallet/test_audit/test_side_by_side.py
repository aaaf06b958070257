"""The verifier's two connections: one snapshot for both, and neither outlives the other."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import psycopg
import pytest

from tests.integration.wallet.test_audit.conftest import ANNA, Books, SealedBooks
from wallet.audit import questions, sealed_rows
from wallet.audit.bulk_content import PassingContent
from wallet.audit.differences import Report
from wallet.audit.questions import Questions
from wallet.audit.sealed_rows import SealedJournal
from wallet.audit.signing import SealKeys
from wallet.audit.verifier import verify

_END_WHOEVER_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE application_name = 'stadsbeurs-verify' AND wait_event_type = 'Lock'
"""


class ActingKeys(SealKeys):
    """Keys that do something each time a signature is looked at: in the middle of a verification."""

    def __init__(self, books: Books, act: Callable[[], object]) -> None:
        self._real = SealKeys.read(books.files.seal_key_file)
        self._act = act

    def fault(self, key_id: str, header: bytes, signature: bytes) -> str | None:
        self._act()
        return self._real.fault(key_id, header, signature)


def verifiers(books: Books) -> list[tuple[str, ...]]:
    return books.rows("SELECT query FROM pg_stat_activity WHERE application_name = 'stadsbeurs-verify'")


def test_what_is_posted_and_sealed_meanwhile_is_in_neither_the_rows_nor_the_figures(sealed: SealedBooks) -> None:
    books = sealed.books
    before = books.verify()

    def post_and_seal() -> None:
        books.post_alone("deposit", ("bank:current", "fund:burgerbudget", 1))
        books.seal()
        books.post_alone("top-up", ("fund:burgerbudget", f"{ANNA}:vrij", 1))

    report = verify(books.service_url, ActingKeys(books, post_and_seal), books.files.anchor_file)
    assert report.ok, report.as_lines()
    counted = ("blocks", "journals", "entries", "accounts", "unsealed")
    assert [getattr(report, name) for name in counted] == [getattr(before, name) for name in counted]


def test_a_verification_that_is_interrupted_takes_its_figures_along(sealed: SealedBooks) -> None:
    books = sealed.books

    def interrupt() -> None:
        # Meanwhile the figures have come to the locked table, or soon will.
        raise KeyboardInterrupt

    with psycopg.connect(books.superuser_url) as locking:
        locking.execute("LOCK TABLE ledger.balance IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(KeyboardInterrupt):
            verify(books.service_url, ActingKeys(books, interrupt), books.files.anchor_file)
        assert verifiers(books) == []


def test_figures_that_cannot_be_read_end_the_verification(sealed: SealedBooks) -> None:
    books = sealed.books
    ended: list[tuple[bool, ...]] = []

    def end_the_other() -> None:
        while not ended:
            ended.extend(books.rows(_END_WHOEVER_WAITS))

    with psycopg.connect(books.superuser_url) as locking:
        locking.execute("LOCK TABLE ledger.balance IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.OperationalError):
            verify(books.service_url, ActingKeys(books, end_the_other), books.files.anchor_file)


def test_questions_that_are_left_when_the_seals_are_done_are_asked_over_their_connection(
    sealed: SealedBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other connection stays with its first question until all others are answered: found is found all the same."""
    books = sealed.books
    waiting, asked = Event(), list[int]()

    def stay(db: psycopg.Connection[Any], report: Report) -> None:
        assert waiting.wait(60)
        report.add("stay", "stay", "it", "stayed")

    def last(db: psycopg.Connection[Any], report: Report) -> None:
        asked.append(db.info.backend_pid)
        waiting.set()

    all_questions = questions.all_questions

    def made(content: PassingContent) -> dict[str, questions.Question]:
        others = {name: ask for name, ask in all_questions(content).items() if name != "chain"}
        return {"chain": stay, **others, "last": last}

    monkeypatch.setattr(questions, "all_questions", made)
    monkeypatch.setattr(questions, "_LONG", ("chain",))
    books.tamper("UPDATE ledger.balance SET held = held + 1 WHERE posted = 70000")

    report = books.verify()

    assert len(asked) == 1
    assert [one.table for one in report.differences] == ["stay", "balance"]
    assert (report.entries, report.accounts) == (10, 11)


def test_after_a_question_that_could_not_be_answered_none_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(db: psycopg.Connection[Any], report: Report) -> None:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(
        questions, "all_questions", lambda _: {"first": fail, "second": pytest.fail, "bulk content": pytest.fail}
    )
    made = Questions(None)  # type: ignore[arg-type]

    with pytest.raises(psycopg.OperationalError):
        made.ask(None)  # type: ignore[arg-type]
    made.ask(None)  # type: ignore[arg-type]
    made.ask_after_seals(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("also", ["", "DELETE FROM ledger.balance WHERE account_id = {0}"])
def test_every_entry_of_an_account_that_is_gone_is_named(also: str, sealed: SealedBooks) -> None:
    """It is asked for only because of what the chain, or the accounts, showed."""
    books = sealed.books
    ((account_id, entries),) = books.rows(
        "SELECT account_id, count(*) FROM ledger.entry GROUP BY account_id HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
    )
    books.tamper(f"DELETE FROM ledger.account WHERE id = {account_id}", *([also.format(account_id)] if also else []))

    named = {one.key for one in books.verify().differences if one.what == "its account is not there"}

    assert named == {f"account_id={account_id}, version={version}" for version in range(1, entries + 1)}


# Rows as they lie there, and the joins that such a plan is made with.
AS_THEY_LIE = "SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off"


def test_entries_that_come_in_another_order_than_their_lines_are_whole_all_the_same(
    sealed: SealedBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = sealed.books
    before = books.verify()
    # What is written last lies last.
    lines = f"SELECT min(line) FROM ledger.entry WHERE journal_id = {sealed.start}"
    books.tamper(f"UPDATE ledger.entry SET line = line WHERE journal_id = {sealed.start} AND line = ({lines})")
    monkeypatch.setattr(sealed_rows, "_AT_ONCE", f"SET LOCAL enable_hashjoin = on; {AS_THEY_LIE}")
    read_again: list[str] = []
    forget = SealedJournal.forget_entries
    monkeypatch.setattr(SealedJournal, "forget_entries", lambda self: (read_again.append(self.key), forget(self)))

    report = books.verify()

    assert report.ok, report.as_lines()
    assert (report.journals, report.entries) == (before.journals, before.entries)
    assert f"id={sealed.start}" in read_again


def test_a_journal_under_two_seals_of_one_block_is_named(sealed: SealedBooks) -> None:
    books = sealed.books
    books.tamper(
        "ALTER TABLE ledger.block_journal DROP CONSTRAINT block_journal_once",
        "INSERT INTO ledger.block_journal SELECT block_number, 99, journal_id, root, leaves"
        f" FROM ledger.block_journal WHERE journal_id = {sealed.start}",
    )

    found = [(one.table, one.key) for one in books.verify().differences]

    assert ("block", "number=1") in found
    assert ("block_journal", f"journal_id={sealed.start}") in found
