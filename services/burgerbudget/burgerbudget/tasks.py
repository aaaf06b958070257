"""What the workers do, woken by a bell or by the clock; everything to be done is a row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from sqlmodel import Session

from burgerbudget.actions import closings, imports, settling
from burgerbudget.settings import NAME, BurgerbudgetSettings
from foundation import clock, schedule
from foundation.database import Database, after_commit
from foundation.file_work import work_through_next_file
from foundation.identifiers import new_id
from foundation.outbox import Handler, Leased
from foundation.settings import load
from foundation.work import TASK_TIME_LIMIT_S, Bell, Worker
from wallet_contract.client import WalletClient

JOBS = "do-burgerbudget-jobs"
IMPORT = "work-through-hours-files"
START_JOB = "credit-start-amounts"
TICK_S = 1.0
BUDGET_S = TASK_TIME_LIMIT_S / 3
"""How long one task goes on: long jobs are taken up again by the next, so that none starves the others."""


def handlers(wallet: WalletClient, ring_jobs: Callable[[], None]) -> Mapping[str, Handler]:
    """How each kind of message reaches the wallet, and what follows when it did."""

    def post_transfers(message: Leased) -> Mapping[str, Any]:
        return wallet.post_transfers(message.payload, key=message.request_key, on_behalf_of=message.subject or None)

    def open_hold(message: Leased) -> Mapping[str, Any]:
        return wallet.open_hold(message.payload, key=message.request_key, on_behalf_of=message.subject)

    def hold_opened(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
        closings.hold_opened(db, message, answer)
        after_commit(db, ring_jobs)

    def posted(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
        if message.subject:
            after_commit(db, ring_jobs)

    return {
        settling.POST_TRANSFERS: Handler(post_transfers, done=posted),
        closings.OPEN_HOLD: Handler(open_hold, done=hold_opened, parked=closings.hold_refused),
    }


def do_jobs(database: Database, progress: Callable[[], None]) -> None:
    """Do what is due: start amounts of a new business date, the running closing, waiting uses."""
    until = time.monotonic() + BUDGET_S

    def on() -> bool:
        progress()
        return time.monotonic() < until

    _credit_starts(database, on)
    while database.run(closings.advance) and on():
        pass
    _settle_waiting(database, on)


def _credit_starts(database: Database, on: Callable[[], bool]) -> None:
    """Once per business date (BB-1); enrolments after it credit their own start."""
    today = clock.business_date()
    with database.transaction() as db:
        if schedule.is_done(db, START_JOB, today):
            return
    after: str | None = ""
    while after is not None:
        after = database.run(partial(settling.start_due, after=after))
        if not on():
            return
    database.run(lambda db: settling.starts_are_credited(db) and schedule.mark_done(db, START_JOB, today))


def _settle_waiting(database: Database, on: Callable[[], bool]) -> None:
    after: str | None = ""
    while after is not None and on():
        after = database.run(partial(settling.settle_waiting, after=after))


def work_through_files(database: Database, progress: Callable[[], None], ring_jobs: Callable[[], None]) -> None:
    """Work through the files that wait, one after the other."""
    until = time.monotonic() + BUDGET_S

    def on() -> bool:
        progress()
        return time.monotonic() < until

    worked = False
    while on() and work_through_next_file(database, imports.FILES, on):
        worked = True
        ring_jobs()
    if worked:
        progress()


def register(worker: Worker, wallet: Callable[[], WalletClient], ring_jobs: Callable[[], None]) -> None:
    """Put all tasks on the worker, with their schedule."""

    def progress() -> None:
        worker.progress_at = time.monotonic()

    worker.task(JOBS, worker.jobs_queue, lambda *_: do_jobs(worker.database, progress), every_s=TICK_S)
    worker.task(
        IMPORT, worker.jobs_queue, lambda *_: work_through_files(worker.database, progress, ring_jobs), every_s=TICK_S
    )

    @lru_cache(maxsize=1)
    def wallet_handlers() -> Mapping[str, Handler]:
        return handlers(wallet(), ring_jobs)

    worker.deliver_outbox(wallet_handlers)


def worker() -> Worker:
    """Make the worker as the settings say.

    It stands here and not beside the API: a worker that imports every route starts half a second later.
    """
    settings = load(BurgerbudgetSettings)
    made = Worker.of(NAME, settings)

    bell = Bell(made.celery, made.jobs_queue, JOBS)
    register(made, lambda: WalletClient.of(NAME, settings), lambda: bell(new_id()))
    return made
