"""What the workers do, woken by a bell or by the clock; everything to be done is a row."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import structlog

from foundation import clock, schedule
from foundation.database import Database
from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused, Handler, Leased
from foundation.settings import load
from foundation.work import TASK_TIME_LIMIT_S, Worker
from sociaal_krediet.actions import arrears, collecting, following, messages
from sociaal_krediet.collecting import Collector
from sociaal_krediet.outside import collector_of, wallet_of
from sociaal_krediet.queries import collecting as collecting_queries
from sociaal_krediet.queries import refunds
from sociaal_krediet.settings import NAME, SociaalKredietSettings
from wallet_contract.client import WalletClient

JOBS = "do-sociaal-krediet-jobs"
ARREARS_JOB = "take-steps-on-arrears"
DEBITS_JOB = "debit-what-is-due"
TICK_S = 2.0
BUDGET_S = TASK_TIME_LIMIT_S / 3
"""How long one task goes on: long jobs are taken up again by the next, so that none starves the others."""
ANNOUNCEMENTS = 100

log = structlog.get_logger()


def handlers(
    wallet: WalletClient, collector: Collector | None, database: Callable[[], Database]
) -> Mapping[str, Handler]:
    """How each kind of message reaches the wallet or Stripe, and what follows when it did."""

    def post_transfers(message: Leased) -> Mapping[str, Any]:
        return wallet.post_transfers(message.payload, key=message.request_key, on_behalf_of=message.subject)

    def open_loan_account(message: Leased) -> Mapping[str, Any]:
        loan, principal = message.payload["loan"], message.payload["principal"]
        return wallet.open_loan_account(loan, principal, key=message.request_key, on_behalf_of=message.subject)

    def register_reference(message: Leased) -> Mapping[str, Any]:
        reference, subject = message.payload["reference"], message.payload["subject"]
        return wallet.register_reference(reference, subject, key=message.request_key, on_behalf_of=message.subject)

    def confirm_payee(message: Leased) -> Mapping[str, Any]:
        payee, iban = message.payload["payee"], message.payload["iban"]
        return wallet.confirm_payee(payee, iban, key=message.request_key, on_behalf_of=message.payload["decidedBy"])

    def debit_payment(message: Leased) -> Mapping[str, Any]:
        with database().reading() as db:
            payment = collecting_queries.payment(db, UUID(message.payload["payment"]))
            mandate = None if payment is None else collecting_queries.active_mandate(db, payment.loan_id)
            is_due = payment is not None and collecting_queries.is_still_due(db, payment)
            # Kept as they were read: what stays in the session is emptied at its end.
            db.expunge_all()
        if payment is not None and payment.payment_intent is not None:
            # An event told it before our own answer was written down: it is debited.
            return {"paymentIntent": payment.payment_intent}
        if collector is None or payment is None or mandate is None:
            raise DeliveryRefused("noMandate", "Er is geen machtiging meer om van af te schrijven.")
        if not is_due:
            raise DeliveryRefused("nothingDue", "Deze termijn is intussen betaald of verschoven.")
        assert mandate.customer is not None and mandate.payment_method is not None
        debit = collector.debit(
            payment.id,
            payment.loan_id,
            Cents(payment.amount),
            customer=mandate.customer,
            payment_method=mandate.payment_method,
            mandate=mandate.mandate,
            key=message.request_key,
        )
        return {"paymentIntent": debit.payment_intent}

    def refund_payment(message: Leased) -> Mapping[str, Any]:
        with database().reading() as db:
            refund = refunds.find(db, UUID(message.payload["refund"]))
            payment = None if refund is None else collecting_queries.payment(db, refund.payment_id)
            db.expunge_all()
        if refund is not None and refund.stripe_refund is not None:
            # An event told it before our own answer was written down: it is on its way.
            return {"refund": refund.stripe_refund}
        is_asked = refund is not None and refund.state == "asked"
        if collector is None or refund is None or not is_asked or payment is None or payment.payment_intent is None:
            raise DeliveryRefused("noPayment", "Er is geen betaling om van terug te betalen.")
        given_back = collector.refund(payment.payment_intent, Cents(refund.amount), key=message.request_key)
        return {"refund": given_back.refund}

    return {
        messages.POST_TRANSFERS: Handler(post_transfers, done=messages.posted, parked=messages.refused),
        messages.OPEN_LOAN_ACCOUNT: Handler(open_loan_account, parked=messages.refused),
        messages.REGISTER_REFERENCE: Handler(register_reference, parked=messages.refused),
        messages.CONFIRM_PAYEE: Handler(confirm_payee, parked=messages.refused),
        messages.REFUND_PAYMENT: Handler(
            refund_payment, done=collecting.refund_asked, parked=collecting.refund_refused
        ),
        collecting.DEBIT_PAYMENT: Handler(debit_payment, done=collecting.debited, parked=collecting.debit_refused),
    }


def do_jobs(database: Database, wallet: WalletClient, progress: Callable[[], None]) -> None:
    """Do what is due: what the wallet and Stripe told, and once per business date the debits and the arrears."""
    until = time.monotonic() + BUDGET_S

    def on() -> bool:
        progress()
        return time.monotonic() < until

    take_announcements(database, wallet, on)
    handle_events(database, on)
    _once_a_day(database, DEBITS_JOB, lambda: _debit(database, on))
    _once_a_day(database, ARREARS_JOB, lambda: _take_steps(database, on))


def take_announcements(database: Database, wallet: WalletClient, on: Callable[[], bool]) -> None:
    """Write down what the wallet tells, and say so: what was not said is told again, and changes nothing then."""
    while on():
        try:
            told = wallet.announcements(ANNOUNCEMENTS)
            for announcement in told:
                database.run(partial(_take, announcement))
            if told:
                wallet.take_announcements([announcement["id"] for announcement in told])
        except (DeliveryFailed, DeliveryRefused) as error:
            # The wallet is away, or starting: the next tick asks again.
            log.info("announcements-not-read", error=str(error))
            return
        if len(told) < ANNOUNCEMENTS:
            return


def _take(announcement: Mapping[str, Any], db: Any) -> None:
    following.take(db, announcement)


def handle_events(database: Database, on: Callable[[], bool]) -> None:
    """Work through what Stripe told; one event that we cannot work through does not stop the others."""
    after: datetime | None = None
    while on():
        try:
            after = database.run(partial(collecting.handle_next_event, after=after))
        except Exception:
            log.exception("stripe-event-failed")
            after = database.run(partial(collecting.leave_event, after=after))
        if after is None:
            return


def _once_a_day(database: Database, job: str, act: Callable[[], bool]) -> None:
    today = clock.business_date()
    with database.transaction() as db:
        if schedule.is_done(db, job, today):
            return
    if act():
        database.run(lambda db: schedule.mark_done(db, job, today))


def _debit(database: Database, on: Callable[[], bool]) -> bool:
    while database.run(collecting.debit_due):
        if not on():
            return False
    return True


def _take_steps(database: Database, on: Callable[[], bool]) -> bool:
    after: int | None = 0
    while after is not None:
        after = database.run(partial(arrears.take_steps, after=after))
        if not on():
            return after is None
    return True


def register(worker: Worker, wallet: Callable[[], WalletClient], collector: Callable[[], Collector | None]) -> None:
    """Put all tasks on the worker, with their schedule."""

    def progress() -> None:
        worker.progress_at = time.monotonic()

    @lru_cache(maxsize=1)
    def client() -> WalletClient:
        return wallet()

    worker.task(JOBS, worker.jobs_queue, lambda *_: do_jobs(worker.database, client(), progress), every_s=TICK_S)

    @lru_cache(maxsize=1)
    def all_handlers() -> Mapping[str, Handler]:
        return handlers(client(), collector(), lambda: worker.database)

    worker.deliver_outbox(all_handlers)


def worker() -> Worker:
    """Make the worker as the settings say.

    It stands here and not beside the API: a worker that imports every route starts half a second later.
    """
    settings = load(SociaalKredietSettings)
    made = Worker.of(NAME, settings)
    register(made, lambda: wallet_of(settings), lambda: collector_of(settings))
    return made
