"""Repaying through Stripe over HTTP: a mandate, a payment, and what Stripe tells (SK-12)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, database_of
from foundation.idempotency import Command, IdempotentCommand
from foundation.identifiers import new_id
from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.refusals import Conflict, Unavailable
from foundation.schemas import PageOut
from sociaal_krediet.actions import collecting
from sociaal_krediet.collecting import Collector, HostedPage
from sociaal_krediet.collecting.events import SIGNATURE_HEADER, StripeEvent, read_event
from sociaal_krediet.models import Loan
from sociaal_krediet.queries import collecting as queries
from sociaal_krediet.refusals import NoCollecting, StripeRefused, TestEvent
from sociaal_krediet.routes.visibility import visible_loan
from sociaal_krediet.schemas.collecting import HostedOut, PayIn, PaymentOut, ReceivedOut

router = APIRouter(tags=["collecting"])

Payer = Annotated[Caller, require(Role.PASS_HOLDER, Role.HELPER)]
Reader = Annotated[
    Caller,
    require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_MAKER, Role.FINANCE_CHECKER),
]


def _collector(request: Request) -> Collector:
    found: Collector | None = request.app.state.collector
    if found is None:
        raise NoCollecting(
            "Terugbetalen met incasso of iDEAL is hier niet mogelijk; maak het bedrag over met het kenmerk."
        )
    return found


WithCollector = Annotated[Collector, Depends(_collector)]


@router.post("/loans/{loan_id}/mandates", status_code=201, response_model=HostedOut)
def post_mandate(
    request: Request, loan_id: str, caller: Payer, command: IdempotentCommand, collector: WithCollector
) -> Response:
    """Give the address of the page on which the borrower allows us to debit the instalments."""
    mandate_id, back = _made_id(command), _way_back(request)
    customer: str = ""

    def ask(loan: Loan) -> HostedPage:
        nonlocal customer
        customer = collector.create_customer(loan.id, key=f"customer/{mandate_id}")
        return collector.mandate_session(
            customer, loan.id, success_url=back, cancel_url=back, key=f"mandate/{mandate_id}"
        )

    page, refusal = _asked(command, caller, loan_id, lambda db, loan: collecting.check_mandate(db, loan), ask)

    def act(db: Session) -> HostedOut:
        loan = visible_loan(db, caller, loan_id)
        if page is None:
            raise refusal or NoCollecting("Stripe gaf geen adres.")
        collecting.keep_mandate(db, mandate_id, loan, customer, page, caller)
        return HostedOut(id=mandate_id, url=page.url)

    return command.once({"loan": loan_id}, act)


@router.post("/loans/{loan_id}/payments", status_code=201, response_model=HostedOut)
def post_payment(
    request: Request, loan_id: str, body: PayIn, caller: Payer, command: IdempotentCommand, collector: WithCollector
) -> Response:
    """Give the address of the page on which somebody pays an amount with iDEAL."""
    # The amount is part of it: the same key with another amount is refused as reused, and not by Stripe.
    payment_id, back = _made_id(command, str(body.amount)), _way_back(request)

    def ask(loan: Loan) -> HostedPage:
        return collector.payment_session(
            payment_id,
            loan.id,
            Cents(body.amount),
            ["ideal"],
            success_url=back,
            cancel_url=back,
            key=f"payment/{payment_id}",
        )

    page, refusal = _asked(command, caller, loan_id, lambda _, loan: collecting.check_payment(loan, body.amount), ask)

    def act(db: Session) -> HostedOut:
        loan = visible_loan(db, caller, loan_id)
        if page is None:
            raise refusal or NoCollecting("Stripe gaf geen adres.")
        collecting.keep_payment(db, payment_id, loan, body.amount, page, caller)
        return HostedOut(id=payment_id, url=page.url)

    return command.once({"loan": loan_id, **body.model_dump()}, act)


def _asked(
    command: Command,
    caller: Caller,
    loan_id: str,
    check: Callable[[Session, Loan], None],
    ask: Callable[[Loan], HostedPage],
) -> tuple[HostedPage | None, Conflict | None]:
    """Ask Stripe for a page where nothing stands in the way; otherwise give what does, to be refused and remembered.

    Stripe knows the request by the key of ours: repeated, it gives the same page.
    """
    with command.database.reading() as db:
        loan = visible_loan(db, caller, loan_id)
        try:
            check(db, loan)
        except Conflict as conflict:
            return None, conflict
        db.expunge(loan)
    with _answers():
        return ask(loan), None


@contextmanager
def _answers() -> Iterator[None]:
    try:
        yield
    except DeliveryRefused as refused:
        raise StripeRefused(f"Stripe weigert dit: {refused.message}", code=refused.code) from refused
    except DeliveryFailed as failed:
        raise Unavailable("Stripe antwoordt nu niet. Probeer het zo opnieuw.") from failed


def _made_id(command: Command, *content: str) -> UUID:
    """Make the id that a request gives what it asks for: the same again for the same request."""
    return uuid5(NAMESPACE_URL, "/".join((*command.place, *content)))


def _way_back(request: Request) -> str:
    return f"{request.app.state.public_url}/mijn"


@router.get("/loans/{loan_id}/payments")
def get_payments(loan_id: str, caller: Reader, db: ReadSession) -> PageOut[PaymentOut]:
    """List what was debited or paid through Stripe, newest first."""
    loan = visible_loan(db, caller, loan_id)
    return PageOut(items=[PaymentOut.model_validate(row) for row in queries.payments(db, loan.id)])


async def _event(request: Request) -> StripeEvent:
    """Read what Stripe sent: its signature is over the very bytes, and it carries no token."""
    raw = await request.body()
    event = read_event(raw, request.headers.get(SIGNATURE_HEADER, ""), request.app.state.webhook_secrets)
    if request.app.state.live and not event.livemode:
        raise TestEvent("Dit is een proefbericht van Stripe; hier tellen alleen echte betalingen.")
    return event


@router.post("/stripe-events", response_model=ReceivedOut)
def post_stripe_event(request: Request, event: Annotated[StripeEvent, Depends(_event)]) -> ReceivedOut:
    """Take in what Stripe tells, once per event; it is worked through afterwards."""
    is_new = database_of(request).run(lambda db: queries.keep_event(db, event))
    if is_new and request.app.state.ring_jobs is not None:
        request.app.state.ring_jobs(new_id())
    return ReceivedOut(id=event.id, repeated=not is_new)
