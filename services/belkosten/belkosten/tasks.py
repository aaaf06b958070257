"""What the workers do, woken by a bell or by the clock; everything to be done is a row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from belkosten import postings
from belkosten.actions import crediting, imports, invoices, purchases, returns, settling, sim
from belkosten.queries import crediting as credit_queries
from belkosten.queries import purchases as purchase_queries
from belkosten.queries.crediting import Creditable
from belkosten.settings import NAME, BelkostenSettings
from foundation import clock
from foundation.database import Database
from foundation.file_work import work_through_next_file
from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused, Handler, Leased
from foundation.settings import load
from foundation.work import TASK_TIME_LIMIT_S, Worker
from wallet_contract.client import WalletClient
from wallet_contract.messages import OpenHold, PostTransfers

JOBS = "do-belkosten-jobs"
TICK_S = 2.0
BUDGET_S = TASK_TIME_LIMIT_S / 3
"""How long one task goes on: long jobs are taken up again by the next, so that none starves the others."""
PURCHASE_ANSWERED_WITHIN = timedelta(minutes=2)
"""After this somebody no longer waits at the counter for the answer, and the worker asks."""

log = structlog.get_logger()


def handlers(wallet: WalletClient, database: Callable[[], Database]) -> Mapping[str, Handler]:
    """How each kind of message reaches the wallet, and what follows when it did."""

    def post_transfers(message: Leased) -> Mapping[str, Any]:
        return wallet.post_transfers(message.payload, key=message.request_key, on_behalf_of=message.subject or None)

    return {
        settling.SETTLE_CALLS: Handler(lambda message: settling.deliver(message, database(), wallet)),
        crediting.POST_CREDITS: Handler(post_transfers, done=crediting.booked),
        returns.RETURN_CREDIT: Handler(lambda message: return_credit(wallet, message), done=returns.returned),
        sim.POST_SIM_MONTHS: Handler(post_transfers, done=sim.booked),
        invoices.APPROVE_INVOICE: Handler(post_transfers, done=invoices.owed, parked=invoices.owing_refused),
    }


def return_credit(wallet: WalletClient, message: Leased) -> Mapping[str, Any]:
    """Give back what somebody's purse has at this moment; gives the amount, and what calls under way leave in it."""
    told = message.payload
    purse = postings.purse_of(told["holder"])
    hold = OpenHold(purse, returns.MOST, message.subject, minimum=1)
    amount = 0
    try:
        # The same key after a resumption too: the hold of the first try is the one to use.
        held = wallet.open_hold(hold.as_json(), key=f"{message.dedupe_key}/hold", on_behalf_of=message.subject)
    except DeliveryRefused as refused:
        if refused.code != "tooLittle":
            raise
    else:
        amount = held["amount"]
        line = postings.credit_return(
            UUID(told["participation"]), told["number"], told["holder"], Cents(amount), told["nth"], held["id"]
        )
        posting = PostTransfers("credit-return", date.fromisoformat(told["valueDate"]), [line])
        wallet.post_transfers(posting.as_json(), key=message.request_key, on_behalf_of=message.subject)
    [left] = wallet.balances([purse])
    return {"amount": amount, "balance": left["balance"]}


def do_jobs(database: Database, wallet: WalletClient, progress: Callable[[], None]) -> None:
    """Do what is due: files that came in, and once per business date the credits, returns and SIM months."""
    until = time.monotonic() + BUDGET_S

    def on() -> bool:
        progress()
        return time.monotonic() < until

    while on() and work_through_next_file(database, imports.FILES, on):
        pass
    while on() and database.run(invoices.owe_next):
        pass
    do_months(database, wallet, on)


def do_months(database: Database, wallet: WalletClient, on: Callable[[], bool]) -> None:
    """Do what the day brings to participants: what ended goes back first, then the credits and the SIM cards."""
    today = clock.business_date()
    database.run(lambda db: credit_queries.drop_ended(db, today))
    _repeat(database, on, lambda db: returns.ask_returns(db, today))
    credit_due(database, wallet, today, on)
    _repeat(database, on, lambda db: sim.charge_due(db, today))
    _repeat(database, on, lambda db: sim.pay_waiting(db, today))
    finish_purchases(database, wallet)


def _repeat(database: Database, on: Callable[[], bool], act: Callable[[Session], int]) -> None:
    while on() and database.run(act):
        pass


def credit_due(database: Database, wallet: WalletClient, today: date, on: Callable[[], bool]) -> None:
    """Credit everybody whose month is due; a wallet that is away is asked again at the next tick."""
    after: UUID | None = None
    while on():
        with database.reading() as db:
            chunk = credit_queries.to_credit(db, today, after, crediting.CHUNK)
        if not chunk:
            return
        try:
            balances = wallet.balances([postings.purse_of(who.holder_id) for who in chunk])
        except (DeliveryFailed, DeliveryRefused) as error:
            log.info("balances-not-read", error=type(error).__name__)
            return
        held = {who.holder_id: item["balance"] for who, item in zip(chunk, balances, strict=True)}
        database.run(partial(_credit, chunk, held, today))
        after = chunk[-1].participation_id


def _credit(chunk: Sequence[Creditable], balances: Mapping[str, int], today: date, db: Session) -> None:
    crediting.credit_chunk(db, chunk, balances, today)


def finish_purchases(database: Database, wallet: WalletClient) -> None:
    """Bring purchases to their end of which nobody heard the answer: the same question, with the same key."""
    with database.reading() as db:
        left = purchase_queries.left_asked(db, clock.now() - PURCHASE_ANSWERED_WITHIN, crediting.CHUNK)
        questions = [purchases.question(db, one) for one in left]
    for question in questions:
        try:
            answer = purchases.ask_wallet(wallet, question, JOBS)
        except DeliveryFailed as failed:
            log.info("purchase-not-answered", error=str(failed))
            return
        database.run(partial(_keep_answer, question.purchase, answer))


def _keep_answer(purchase: UUID, answer: purchases.Answer, db: Session) -> None:
    purchases.keep(db, purchase, answer)


def register(worker: Worker, wallet: Callable[[], WalletClient]) -> None:
    """Put all tasks on the worker, with their schedule."""

    def progress() -> None:
        worker.progress_at = time.monotonic()

    @lru_cache(maxsize=1)
    def client() -> WalletClient:
        return wallet()

    worker.task(JOBS, worker.jobs_queue, lambda *_: do_jobs(worker.database, client(), progress), every_s=TICK_S)

    @lru_cache(maxsize=1)
    def all_handlers() -> Mapping[str, Handler]:
        return handlers(client(), lambda: worker.database)

    worker.deliver_outbox(all_handlers)


def worker() -> Worker:
    """Make the worker as the settings say.

    It stands here and not beside the API: a worker that imports every route starts half a second later.
    """
    settings = load(BelkostenSettings)
    made = Worker.of(NAME, settings)
    register(made, lambda: WalletClient.of(NAME, settings))
    return made
