"""Refunds: what is above the outstanding and goes back through Stripe (SK-9)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select

from foundation.clock import now
from foundation.identifiers import new_id
from sociaal_krediet.collecting.models import Payment, Refund
from sociaal_krediet.models import Fact, Loan


def ask(db: Session, loan: Loan, receipt: Fact, fact: Fact) -> Refund:
    """Write down that this much of a receipt through Stripe is to be paid back to whom it came from."""
    # The reference of such a receipt is the payment, by its own id.
    payment = db.exec(select(Payment).where(Payment.id == UUID(receipt.reference))).one()
    row = Refund(
        id=new_id(),
        loan_id=loan.id,
        payment_id=payment.id,
        fact_id=fact.id,
        amount=fact.amount or 0,
        state="asked",
        asked_at=now(),
        changed_at=now(),
    )
    db.add(row)
    db.flush()
    return row


def find(db: Session, refund_id: UUID, *, lock: bool = False) -> Refund | None:
    """Give a refund; with `lock` whoever else changes it waits."""
    return db.get(Refund, refund_id, with_for_update=lock or None, populate_existing=lock)


def of_stripe(db: Session, stripe_refund: str) -> Refund | None:
    """Lock the refund that Stripe knows by this id and give it."""
    statement = select(Refund).where(Refund.stripe_refund == stripe_refund).with_for_update()
    return db.exec(statement, execution_options={"populate_existing": True}).first()


def waiting_of(db: Session, payment_id: UUID, amount: int) -> Sequence[Refund]:
    """Lock the refunds of this amount that were asked of a payment and of which Stripe has not said the id."""
    statement = (
        select(Refund)
        .where(Refund.payment_id == payment_id, Refund.amount == amount, Refund.state == "asked")
        .where(col(Refund.stripe_refund).is_(None))
        .with_for_update()
    )
    return db.exec(statement, execution_options={"populate_existing": True}).all()
