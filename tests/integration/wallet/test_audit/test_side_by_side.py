"""The verifier's two connections: one snapshot for both, and neither outlives the other."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.integration.wallet.test_audit.conftest import ANNA, Books, SealedBooks
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
