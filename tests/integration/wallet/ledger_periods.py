"""Books with seals and periods: short ways to seal, to close a month and to look at the books as they were."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID

from joserfc.jwk import OKPKey

from foundation.access import Caller, Role
from foundation.periods import Month
from tests.integration.wallet.ledger_books import Books
from tests.integration.wallet.test_audit.conftest import SealFiles
from wallet.audit.actions import seal_due_blocks
from wallet.audit.differences import Report
from wallet.audit.signing import SealKeys
from wallet.audit.verifier import verify
from wallet.ledger.periods import actions, queries
from wallet.ledger.periods.queries import AsOf

MIA = Caller("mia", frozenset({Role.FINANCE_MAKER}))
CHRIS = Caller("chris", frozenset({Role.FINANCE_CHECKER}))
LONGEST_WAIT_S = 30.0


class Periods:
    """The periods of one test ledger, with the key and the anchor of its seals."""

    def __init__(self, books: Books, folder: Path, today: Callable[[str], None]) -> None:
        self.books = books
        self.today = today
        key = folder / "seal-key.json"
        key.write_text(json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)), encoding="ascii")
        self.files = SealFiles(key, folder / "anchor")

    def seal(self) -> int:
        """Seal what waits; gives the number of the newest block."""
        seal_due_blocks(self.books.database, self.files)
        return int(self.books.rows("SELECT coalesce(max(number), 0) FROM ledger.block")[0][0])

    def propose(self, month: str) -> UUID:
        with self.books.database.transaction() as db:
            return actions.propose_closing(db, Month.parse(month), None, MIA).id

    def confirm(self, month: str, proposal: UUID) -> None:
        self.books.database.run(lambda db: actions.confirm_closing(db, Month.parse(month), proposal, CHRIS))

    def close(self, month: str) -> None:
        """Seal everything and close a month, with two people."""
        self.seal()
        self.confirm(month, self.propose(month))

    def totals(self, block: int | None = None, day: date | None = None) -> dict[str, tuple[int, int]]:
        """Give what was debited and credited per account, as it was under a block or on a value date."""
        with self.books.database.reading() as db:
            return {each.address: (each.debit, each.credit) for each in queries.totals(db, AsOf(block, day))}

    def one_by_one(self, block: int | None = None, day: date | None = None) -> dict[str, tuple[int, int]]:
        """Give the same, account by account."""
        with self.books.database.reading() as db:
            addresses = [row.address for row in self.books.rows("SELECT address FROM ledger.account")]
            found = [each for address in addresses for each in queries.totals(db, AsOf(block, day), address)]
            return {each.address: (each.debit, each.credit) for each in found}

    def verify(self, url: str) -> Report:
        return verify(url, SealKeys.read(self.files.seal_key_file), self.files.anchor_file)

    def wait_until_journal_is_waited_for(self) -> None:
        """Return once somebody waits for the lock on the journals."""
        until = time.monotonic() + LONGEST_WAIT_S
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = CAST('ledger.journal' AS regclass)"
        while not self.books.rows(waiting):
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.01)
