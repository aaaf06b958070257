"""What the wallet's workers do, by the clock; everything to be done is a row.

Sealing has a queue of its own, for a process of its own: a block is made while the next chunk of a batch is posted, so
that seals are seconds behind the books however much is posted.
"""

from __future__ import annotations

import time

from foundation.clock import now
from foundation.settings import load
from foundation.work import Worker
from wallet.audit.actions import seal_due_blocks
from wallet.ledger.actions import expire_holds
from wallet.ledger.bulk.working import work_through_batches
from wallet.settings import NAME, WalletSettings

SEALS = "wallet.seals"
SEAL = "seal-due-blocks"
SEAL_EVERY_S = 1.0
EXPIRE = "expire-holds"
EXPIRE_EVERY_S = 10.0
EXPIRED_AT_ONCE = 1_000
EXPIRING_ACTOR = "wallet"
BULK = "work-through-transfer-batches"
BULK_EVERY_S = 1.0
BULK_BUDGET_S = 10.0
"""How long one task goes on: whatever shares its queue waits no longer. After each, a batch waits for the next tick."""


def register(worker: Worker, settings: WalletSettings) -> None:
    """Put all tasks on the worker, with their schedule; which of them a process does is in the queues it is given."""

    def seal(*_: str) -> None:
        seal_due_blocks(worker.database, settings)

    def expire(*_: str) -> None:
        # An explicit event, never a comparison with the clock while reading: what was held stays what was held.
        # Until a round finds none: one that closed fewer than it may lost some to captures, and was not the last.
        while worker.database.run(lambda db: expire_holds(db, now(), EXPIRED_AT_ONCE, EXPIRING_ACTOR)):
            worker.progress_at = time.monotonic()

    def work_in_bulk(*_: str) -> None:
        until = time.monotonic() + BULK_BUDGET_S

        def on() -> bool:
            worker.progress_at = time.monotonic()
            return worker.progress_at < until

        work_through_batches(worker.database, on)

    worker.task(BULK, worker.jobs_queue, work_in_bulk, every_s=BULK_EVERY_S)
    worker.task(EXPIRE, worker.jobs_queue, expire, every_s=EXPIRE_EVERY_S)
    worker.task(SEAL, SEALS, seal, every_s=SEAL_EVERY_S)


def worker() -> Worker:
    """Make the worker as the settings say.

    It stands here and not beside the API: a worker that imports every route starts half a second later.
    """
    settings = load(WalletSettings)
    made = Worker.of(NAME, settings)
    register(made, settings)
    return made
