"""Collecting repayments through Stripe: debits under a mandate, iDEAL, and what its events mean for a loan (SK-9, SK-12).

Every event is kept first and worked through afterwards. What a payment comes to is decided from the set of its events,
and only the difference with what is known is written down as facts of the loan.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation import outbox
from foundation.access import Caller
from foundation.clock import business_date, business_date_at, now
from foundation.identifiers import identifier, new_id
from foundation.money import Cents, euros
from foundation.outbox import Leased
from sociaal_krediet import postings
from sociaal_krediet.actions import keeping, messages, tasks
from sociaal_krediet.collecting import SMALLEST_AMOUNT, HostedPage
from sociaal_krediet.collecting.events import StripeEvent
from sociaal_krediet.collecting.models import Mandate, Payment, Refund, StripeEventRow
from sociaal_krediet.models import Loan
from sociaal_krediet.queries import collecting, loans, refunds
from sociaal_krediet.refusals import ChangeRefused, MandateThere
from sociaal_krediet.rules.payments import (
    PaymentRefund,
    PaymentState,
    PaymentStatus,
    Received,
    RefundStatus,
    payment_state,
)
from wallet_contract.accounts import clearing

DEBIT_PAYMENT = "debit-payment"
STRIPE = "stripe"
CHUNK = 500
STRANGERS_WAIT = timedelta(hours=1)
"""How long an event waits for the payment it is about: Stripe may tell of it before our own answer is written down."""


def check_mandate(db: Session, loan: Loan) -> None:
    """Raise what stands in the way of asking for a mandate."""
    if not loan.outstanding:
        raise ChangeRefused("Op deze lening staat niets meer open.", code="loanSettled")
    if collecting.active_mandate(db, loan.id) is not None:
        raise MandateThere("Voor deze lening is er al een machtiging.")


def check_payment(loan: Loan, amount: int) -> None:
    """Raise what stands in the way of paying an amount."""
    if not loan.outstanding:
        raise ChangeRefused("Op deze lening staat niets meer open.", code="loanSettled")
    if amount < SMALLEST_AMOUNT:
        raise ChangeRefused(
            f"Minder dan € {euros(SMALLEST_AMOUNT)} kan niet met iDEAL; maak het over met het kenmerk.",
            code="amountTooSmall",
            pointer="/amount",
        )
    if amount > loan.outstanding:
        raise ChangeRefused(
            f"Er staat nog € {euros(loan.outstanding)} open; meer kunt u niet betalen.",
            code="aboveOutstanding",
            pointer="/amount",
        )


def keep_mandate(db: Session, mandate_id: UUID, loan: Loan, customer: str, page: HostedPage, caller: Caller) -> None:
    """Write down that a borrower was asked for a mandate."""
    db.add(
        Mandate(
            id=mandate_id,
            loan_id=loan.id,
            customer=customer,
            session=page.session,
            state="asked",
            asked_by=caller.subject,
            asked_at=now(),
            changed_at=now(),
        )
    )
    db.flush()


def keep_payment(db: Session, payment_id: UUID, loan: Loan, amount: int, page: HostedPage, caller: Caller) -> None:
    """Write down that somebody was sent to a page to pay."""
    db.add(_payment(payment_id, loan.id, "ideal", amount, str(payment_id), caller.subject, page.session))
    db.flush()


def _payment(
    payment_id: UUID, loan_id: UUID, method: str, amount: int, about: str, asked_by: str, session: str | None
) -> Payment:
    return Payment(
        id=payment_id,
        loan_id=loan_id,
        method=method,
        amount=amount,
        about=about,
        session=session,
        state="pending",
        asked_by=asked_by,
        asked_on=business_date(),
        asked_at=now(),
        changed_at=now(),
    )


def debit_due(db: Session) -> bool:
    """Have what is due by today debited under its mandate. Tells whether there may be more."""
    due = collecting.debits_due(db, business_date(), CHUNK)
    for debit in due:
        payment_id = new_id()
        db.add(_payment(payment_id, debit.loan_id, "sepa_debit", debit.amount, str(debit.due_on), keeping.HOUSE, None))
        db.flush()
        outbox.enqueue(
            db,
            DEBIT_PAYMENT,
            f"{DEBIT_PAYMENT}/{debit.loan_id}/{debit.due_on}",
            {"payment": str(payment_id)},
            subject=messages.loan_subject(debit.loan_id),
        )
    return len(due) == CHUNK


def debited(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """Stripe took the debit on; what becomes of it, its events tell."""
    payment = collecting.payment(db, identifier(message.payload["payment"]), lock=True)
    assert payment is not None
    payment.payment_intent, payment.changed_at = answer["paymentIntent"], now()
    if payment.state == "pending":
        payment.state = "processing"
    db.flush()


def debit_refused(db: Session, message: Leased, code: str, text: str) -> None:
    """Stripe will not debit it: the instalment stays open."""
    payment = collecting.payment(db, identifier(message.payload["payment"]), lock=True)
    if payment is not None and payment.state == "pending":
        payment.state, payment.failure, payment.changed_at = "failed", code, now()
        db.flush()


def refund_asked(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """Stripe took the refund on; what its events told of it before we knew its id counts from now on."""
    loan, payment, refund = _refund(db, message)
    if refund.stripe_refund is None:
        refund.stripe_refund, refund.changed_at = answer["refund"], now()
        db.flush()
    _bring_in_line(db, loan, payment)


def refund_refused(db: Session, message: Leased, code: str, text: str) -> None:
    """Stripe will not pay it back: the borrower gets it in their purse. Where we never heard, finance finds out."""
    loan, payment, refund = _refund(db, message)
    if refund.state != "asked" or refund.stripe_refund is not None:
        return
    if code == outbox.EXHAUSTED:
        # It may have been done: in the purse too, the borrower would get it twice.
        unknown = (
            f"Het is niet bekend of Stripe € {euros(refund.amount)} heeft terugbetaald. Kijk bij Stripe: staat het daar"
            " niet, hervat dan het bericht dat geparkeerd staat."
        )
        tasks.add(db, loan, "refundFailed", f"{refund.id}/unknown", unknown)
        return
    _refund_failed(db, loan, refund, _state_of(db, payment), code)


def _refund(db: Session, message: Leased) -> tuple[Loan, Payment, Refund]:
    """Lock what a message about a refund is of: the loan first, as everywhere."""
    refund_id = UUID(message.payload["refund"])
    known = refunds.find(db, refund_id)
    assert known is not None
    loan, payment = _locked(db, known.payment_id)
    refund = refunds.find(db, refund_id, lock=True)
    assert refund is not None
    return loan, payment, refund


def _locked(db: Session, payment_id: UUID) -> tuple[Loan, Payment]:
    """Lock a loan and then a payment of it: a receipt by hand and events on one loan wait for one another."""
    known = collecting.payment(db, payment_id)
    assert known is not None
    loan = loans.find(db, known.loan_id, lock=True)
    payment = collecting.payment(db, payment_id, lock=True)
    assert loan is not None and payment is not None
    return loan, payment


def handle_next_event(db: Session, after: datetime | None) -> datetime | None:
    """Work through the oldest event that waits, of those received after an instant; gives when it was received."""
    row = collecting.next_event(db, after)
    if row is None:
        return None
    event = collecting.event_of(row)
    payment = _payment_of(db, event)
    if payment is not None:
        _handle_payment(db, payment.id, row, event)
    elif _handle_mandate(db, event):
        row.state, row.handled_at = "handled", now()
    elif not _may_be_ours(event) or row.received_at < now() - STRANGERS_WAIT:
        row.state, row.handled_at, row.problem = "ignored", now(), "notOurs"
    db.flush()
    return row.received_at


def leave_event(db: Session, after: datetime | None) -> datetime | None:
    """Leave the oldest event that waits for the next time, and say on it that something went wrong at our side."""
    row = collecting.next_event(db, after)
    if row is None:
        return None
    row.problem = "failed"
    db.flush()
    return row.received_at


def _payment_of(db: Session, event: StripeEvent) -> Payment | None:
    if event.payment is not None:
        found = collecting.payment(db, identifier(event.payment))
        if found is not None:
            return found
    if event.payment_intent is not None:
        return collecting.payment_of_intent(db, event.payment_intent)
    return None


def _may_be_ours(event: StripeEvent) -> bool:
    """Tell whether what an event is about may still be on its way into our own tables."""
    return event.payment is not None or event.payment_intent is not None or event.mandate is not None


def _handle_mandate(db: Session, event: StripeEvent) -> bool:
    if event.type == "setup_intent.succeeded" and event.customer and event.payment_method:
        mandate = collecting.mandate_of_customer(db, event.customer)
        if mandate is None:
            return False
        if mandate.state == "asked":
            _activate(db, mandate, event)
        return True
    if event.type == "mandate.updated" and event.mandate and event.status == "inactive":
        mandate = collecting.mandate_of_stripe(db, event.mandate)
        if mandate is None:
            return False
        mandate.state, mandate.changed_at = "inactive", now()
        return True
    return False


def _activate(db: Session, mandate: Mandate, event: StripeEvent) -> None:
    mandate.payment_method, mandate.mandate, mandate.changed_at = event.payment_method, event.mandate, now()
    if event.mandate is not None and collecting.was_revoked(db, event.mandate):
        # It was told that it ended before it was told that it began.
        mandate.state = "inactive"
        return
    loans.find(db, mandate.loan_id, lock=True)
    before = collecting.active_mandate(db, mandate.loan_id)
    if before is not None:
        # A newer mandate replaces the one before: a loan is debited from one account.
        before.state, before.changed_at = "inactive", now()
        db.flush()
    mandate.state, mandate.active_on = "active", business_date_at(event.created)


def _handle_payment(db: Session, payment_id: UUID, row: StripeEventRow, event: StripeEvent) -> None:
    # The row names its payment only once the loan is locked: by the foreign key two workers would each hold a part of
    # the payment, and wait for one another.
    loan, payment = _locked(db, payment_id)
    row.payment_id, row.state, row.handled_at = payment.id, "handled", now()
    payment.payment_intent = payment.payment_intent or event.payment_intent
    db.flush()
    state = _bring_in_line(db, loan, payment)
    row.problem = ", ".join(sorted({remark.code for remark in state.remarks})) or None


def _state_of(db: Session, payment: Payment) -> PaymentState:
    """Decide what a payment comes to by all that was told of it so far."""
    told = [about for one in collecting.events_of_payment(db, payment.id) if (about := one.payment_event()) is not None]
    return payment_state(told, asked=Cents(payment.amount))


def _bring_in_line(db: Session, loan: Loan, payment: Payment) -> PaymentState:
    """Write down what is not known yet of a payment that is locked, and of its loan."""
    state = _state_of(db, payment)
    # Nothing told yet leaves it where our own asking brought it.
    if state.status is not PaymentStatus.PENDING:
        payment.state, payment.failure, payment.changed_at = state.status.value, state.failure, now()
    db.flush()
    if state.received is not None:
        receipt = _write_facts(db, loan, payment, state, state.received)
        _follow_refunds(db, loan, payment, state, receipt)
    return state


def _write_facts(db: Session, loan: Loan, payment: Payment, state: PaymentState, received: Received) -> UUID:
    """Write down what came in and what was taken back; gives the receipt."""
    receipt = _once(
        db, loan, "receipt", f"receipt/{payment.id}", received.at, received.amount, reference=str(payment.id)
    )
    for bounce in state.bounces:
        _once(
            db, loan, "bounce", f"bounce/{bounce.dispute}", bounce.at, bounce.amount,
            receipt_id=receipt, reason=bounce.reason,
        )  # fmt: skip
    for again in state.reinstatements:
        _once(db, loan, "reinstated", f"reinstated/{again.dispute}", again.at, again.amount, receipt_id=receipt)
    return receipt


def _once(db: Session, loan: Loan, kind: str, source_id: str, at: datetime, amount: Cents, **content: Any) -> UUID:
    known = loans.fact_of_source(db, STRIPE, source_id)
    if known is not None:
        return known.id
    fact = keeping.new_fact(
        loan, kind, STRIPE, on=business_date_at(at), at=at, source=STRIPE, source_id=source_id, amount=amount, **content
    )
    keeping.record(db, loan, fact)
    return fact.id


def _follow_refunds(db: Session, loan: Loan, payment: Payment, state: PaymentState, receipt: UUID) -> None:
    for told in state.refunds:
        refund = refunds.of_stripe(db, told.refund)
        if refund is None:
            waiting = refunds.waiting_of(db, payment.id, told.amount)
            if not waiting:
                _follow_refund_by_others(db, loan, told, receipt)
            if len(waiting) != 1:
                # Which of several alike this is, Stripe's answer to our own request tells.
                continue
            # Ours, of which the answer is not here yet or was lost: it is not asked again.
            refund = waiting[0]
            refund.stripe_refund, refund.changed_at = told.refund, now()
        if refund.state == "failed":
            continue
        if told.status is RefundStatus.FAILED:
            _refund_failed(db, loan, refund, state, told.reason or "refundFailed")
        elif told.status is RefundStatus.SUCCEEDED and refund.state == "asked":
            refund.state, refund.changed_at = "succeeded", now()
            message = postings.refunded(str(loan.id), f"{refund.id}/refunded", Cents(refund.amount), business_date())
            messages.post(db, loan, refund.fact_id, "refund", message, refund.amount)


def _follow_refund_by_others(db: Session, loan: Loan, told: PaymentRefund, receipt: UUID) -> None:
    """Somebody gave it back at Stripe: the borrower has the money again and owes it, unless it came back to us."""
    source_id = f"refund/{told.refund}"
    if told.status is not RefundStatus.FAILED:
        _once(db, loan, "bounce", source_id, told.at, told.amount, receipt_id=receipt)
    elif loans.fact_of_source(db, STRIPE, source_id) is not None:
        _once(db, loan, "reinstated", f"refund-back/{told.refund}", told.at, told.amount, receipt_id=receipt)


def _refund_failed(db: Session, loan: Loan, refund: Refund, state: PaymentState, reason: str) -> None:
    """What Stripe could not pay back goes to the borrower's purse, and finance pays it out."""
    amount = Cents(refund.amount)
    if refund.state == "succeeded":
        again = postings.refund_came_back(str(loan.id), f"{refund.id}/back", amount, business_date())
        messages.post(db, loan, refund.fact_id, "refund-back", again, refund.amount)
    refund.state, refund.failure, refund.changed_at = "failed", reason, now()
    db.flush()
    receipt = loans.fact(db, refund.fact_id).receipt_id
    counts = keeping.state_of(db, loan).applied.get(str(receipt), Cents(0))
    if state.kept - counts < amount:
        # A bounce took it along: in the purse too, the borrower would have it twice.
        where = (
            f"De betaling zelf is teruggehaald. Het staat nog op {clearing(postings.SCHEME)}: zoek uit van wie het is"
            " voordat u het boekt."
        )
    else:
        message = postings.refund_failed(str(loan.id), loan.holder_id, f"{refund.id}/purse", amount, business_date())
        messages.post(db, loan, refund.fact_id, "refund-failed", message, refund.amount)
        where = "Het staat nu in het potje krediet van de lener. Betaal het uit met een uitbetaling."
    text = f"Stripe kon € {euros(refund.amount)} niet terugbetalen ({reason}). {where}"
    tasks.add(db, loan, "refundFailed", str(refund.id), text)
