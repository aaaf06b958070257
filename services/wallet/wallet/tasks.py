"""What the wallet's worker does, by the clock; everything to be done is a row."""

from __future__ import annotations

from foundation.work import Worker

from wallet.audit.actions import seal_due_blocks
from wallet.settings import WalletSettings

SEAL = "seal-due-blocks"
SEAL_EVERY_S = 1.0


def register(worker: Worker, settings: WalletSettings) -> None:
    """Put all tasks on the worker, with their schedule."""

    def seal(*_: str) -> None:
        seal_due_blocks(worker.database, settings)

    worker.task(SEAL, worker.jobs_queue, seal, every_s=SEAL_EVERY_S)
