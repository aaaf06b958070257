"""What the tests of transfer batches stand on: books, files of lines, and short ways from a file to a posted batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from foundation.access import Caller, Role
from foundation.database import Database
from foundation.inbox import Upload
from tests.integration.wallet.ledger_books import DAY, FUND, Books
from wallet.ledger.actions import register_owners
from wallet.ledger.bulk import actions, queries
from wallet.ledger.bulk.actions import Asked
from wallet.ledger.bulk.files import FileInspection, Kind
from wallet.ledger.bulk.models import BulkBatch
from wallet.ledger.bulk.queries import Progress
from wallet.ledger.bulk.working import work_through_batches

HEADER = "destination;amount;grantKey;reference;explanation\n"
MARA = Caller("mara", frozenset({Role.FINANCE_MAKER}))
CHUCK = Caller("chuck", frozenset({Role.FINANCE_CHECKER}))
BURGERBUDGET = Caller("burgerbudget", frozenset({Role.SERVICE}), service="burgerbudget", on_behalf_of="mara")

Line = tuple[Any, ...]


def csv_of(lines: Iterable[Line]) -> bytes:
    """Write lines of (destination, amount, grant key, reference, explanation); what is left out is empty."""
    padded = ((*line, "", "", "")[:5] for line in lines)
    return (HEADER + "".join(";".join(str(cell) for cell in line) + "\n" for line in padded)).encode()


class BulkHouse(Books):
    """Books with short words for what is done with transfer batches."""

    def __init__(self, database: Database, deposit: int = 1_000_000_000) -> None:
        super().__init__(database, deposit)

    def holders(self, count: int) -> list[str]:
        """Register many holders at once; gives their owners' addresses."""
        owners = [f"holder:{uuid4()}" for _ in range(count)]
        with self.database.transaction() as db:
            register_owners(db, owners)
        return owners

    def send(
        self,
        content: bytes | Sequence[Line],
        caller: Caller = MARA,
        *,
        kind: str = "gift",
        source: str = FUND,
        asset: str = "EUR",
        value_date: date = DAY,
        reason: str | None = "Kerstgift",
        chunk_lines: int = 5_000,
        format_kind: Kind = "csv",
    ) -> UUID:
        """Hand a file in, as the route does."""
        raw = content if isinstance(content, bytes) else csv_of(content)
        inspection = FileInspection(format_kind)
        inspection.feed(raw)
        file_format = inspection.finish()
        asked = Asked(kind, source, asset, value_date, reason)
        with Upload(1_000_000_000) as upload:
            upload.take(raw)
            return self.database.run(
                lambda db: actions.receive_file(db, asked, upload, file_format, caller, chunk_lines).id
            )

    def work(self, keep_going: Callable[[], bool] = lambda: True) -> None:
        """Let the worker do all that waits."""
        work_through_batches(self.database, keep_going)

    def work_steps(self, count: int) -> None:
        """Let the worker be stopped after this many steps."""
        # One question is asked before the first step of a batch.
        left = iter([True] * (count + 1))
        self.work(lambda: next(left, False))

    def checked(self, content: bytes | Sequence[Line], caller: Caller = MARA, **more: Any) -> UUID:
        """Hand a file in and let the worker load and check it."""
        batch_id = self.send(content, caller, **more)
        self.work()
        assert self.batch(batch_id).state == "checked", self.batch(batch_id).problem
        return batch_id

    def submit(self, batch_id: UUID, caller: Caller = MARA, *, partial: bool = False) -> BulkBatch:
        return self.database.run(lambda db: actions.submit(db, batch_id, caller, partial=partial))

    def approve(self, batch_id: UUID, caller: Caller = CHUCK, content_hash: bytes | None = None) -> BulkBatch:
        shown = content_hash or self.batch(batch_id).content_hash
        assert shown is not None
        return self.database.run(lambda db: actions.approve(db, batch_id, caller, shown))

    def withdraw(self, batch_id: UUID, caller: Caller = MARA) -> BulkBatch:
        return self.database.run(lambda db: actions.withdraw(db, batch_id, caller))

    def approved(self, content: bytes | Sequence[Line], *, partial: bool = False, **more: Any) -> UUID:
        """Bring a file as far as its approval by another person."""
        batch_id = self.checked(content, **more)
        self.submit(batch_id, partial=partial)
        self.approve(batch_id)
        return batch_id

    def posted(self, content: bytes | Sequence[Line], *, partial: bool = False, **more: Any) -> UUID:
        """Bring a file all the way."""
        batch_id = self.approved(content, partial=partial, **more)
        self.work()
        assert self.batch(batch_id).state == "posted"
        return batch_id

    def batch(self, batch_id: UUID) -> BulkBatch:
        with self.database.transaction() as db:
            return queries.batch(db, batch_id)

    def progress(self, batch_id: UUID) -> Progress:
        with self.database.transaction() as db:
            return queries.progress(db, batch_id)

    def exceptions(self, batch_id: UUID) -> list[tuple[int, str]]:
        """Give line and code of every exception."""
        return [(line, code) for line, code, _ in self.all_exceptions(batch_id)]

    def all_exceptions(self, batch_id: UUID) -> list[tuple[int, str, str]]:
        rows = self.rows(
            "SELECT line, code, stage FROM ledger.bulk_exception WHERE batch_id = :id ORDER BY line, code", id=batch_id
        )
        return [tuple(row) for row in rows]

    def entries(self, batch_id: UUID) -> list[tuple[Any, ...]]:
        """Give what a batch's journals say was paid: chunk, destination, amount, grant key, reference, explanation."""
        rows = self.rows(
            "SELECT j.chunk, a.address, e.amount, e.grant_key, e.reference, e.explanation"
            "  FROM ledger.journal j JOIN ledger.entry e ON e.journal_id = j.id"
            "  JOIN ledger.account a ON a.id = e.account_id"
            " WHERE j.batch = :id AND e.grant_key IS NOT NULL ORDER BY j.chunk, e.line",
            id=str(batch_id),
        )
        return [tuple(row) for row in rows]
