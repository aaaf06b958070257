"""Mandates, payments and the events of Stripe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json as dumped
from sqlalchemy import text
from sqlmodel import Session, col, select

from foundation.clock import now
from sociaal_krediet.collecting import SMALLEST_AMOUNT
from sociaal_krediet.collecting.events import StripeEvent
from sociaal_krediet.collecting.models import Mandate, Payment, StripeEventRow


def keep_event(db: Session, event: StripeEvent) -> bool:
    """Write an event down, once; tells whether it was new."""
    kept = db.execute(
        text(
            "INSERT INTO sociaal_krediet.stripe_event (id, kind, created_at, content, state, received_at)"
            " VALUES (:id, :kind, :created, CAST(:content AS jsonb), 'received', :now)"
            " ON CONFLICT (id) DO NOTHING RETURNING 1"
        ),
        {"id": event.id, "kind": event.type, "created": event.created, "content": to_json(event), "now": now()},
    )
    return kept.first() is not None


def to_json(event: StripeEvent) -> str:
    """Write the fields of an event down, as `event_of` reads them."""
    return dumped(asdict(event)).decode()


def event_of(row: StripeEventRow) -> StripeEvent:
    """Read an event back."""
    content: dict[str, Any] = dict(row.content)
    for name in ("created", "object_created"):
        value = content[name]
        content[name] = None if value is None else datetime.fromisoformat(value)
    return StripeEvent(**content)


def next_event(db: Session, after: datetime | None) -> StripeEventRow | None:
    """Lock the oldest event that waits, of those received after an instant; None when there is none."""
    statement = (
        select(StripeEventRow)
        .where(StripeEventRow.state == "received")
        .order_by(col(StripeEventRow.received_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if after is not None:
        statement = statement.where(col(StripeEventRow.received_at) > after)
    return db.exec(statement).first()


def events_of_payment(db: Session, payment_id: UUID) -> list[StripeEvent]:
    """Give every event about a payment that was told so far."""
    rows = db.exec(select(StripeEventRow).where(StripeEventRow.payment_id == payment_id))
    return [event_of(row) for row in rows]


def payment(db: Session, payment_id: UUID | None, *, lock: bool = False) -> Payment | None:
    """Give a payment."""
    if payment_id is None:
        return None
    return db.get(Payment, payment_id, with_for_update=lock or None, populate_existing=lock)


def payment_of_intent(db: Session, payment_intent: str) -> Payment | None:
    """Give the payment that Stripe knows by this id."""
    return db.exec(select(Payment).where(Payment.payment_intent == payment_intent)).first()


def payments(db: Session, loan_id: UUID) -> Sequence[Payment]:
    """Give the payments of a loan through Stripe, newest first."""
    return db.exec(select(Payment).where(Payment.loan_id == loan_id).order_by(col(Payment.id).desc())).all()


def active_mandate(db: Session, loan_id: UUID) -> Mandate | None:
    """Give the mandate under which a loan is debited now."""
    return db.exec(select(Mandate).where(Mandate.loan_id == loan_id, Mandate.state == "active")).first()


def mandate_of_customer(db: Session, customer: str) -> Mandate | None:
    """Lock the mandate that was asked under this customer and give it."""
    return db.exec(select(Mandate).where(Mandate.customer == customer).with_for_update()).first()


def mandate_of_stripe(db: Session, mandate: str) -> Mandate | None:
    """Lock the mandate that Stripe knows by this id and give it."""
    return db.exec(select(Mandate).where(Mandate.mandate == mandate).with_for_update()).first()


def was_revoked(db: Session, mandate: str) -> bool:
    """Tell whether Stripe told before that this mandate of its own ended."""
    statement = select(StripeEventRow.id).where(StripeEventRow.kind == "mandate.updated")
    about = col(StripeEventRow.content)
    statement = statement.where(about["mandate"].astext == mandate, about["status"].astext == "inactive")
    return db.exec(statement).first() is not None


@dataclass(frozen=True, slots=True)
class DebitDue:
    """An instalment that is to be debited; amount in cents."""

    loan_id: UUID
    due_on: date
    amount: int


def debits_due(db: Session, today: date, limit: int) -> list[DebitDue]:
    """Give what is due by today under an active mandate and was not debited yet.

    What was due before the mandate was given is left to the borrower and their helper: taking all of it at once would
    empty an account.
    """
    rows = db.execute(
        text(
            "SELECT i.loan_id, i.due_on, sum(i.amount - i.paid)::bigint AS amount"
            "  FROM sociaal_krediet.open_instalment i"
            "  JOIN sociaal_krediet.mandate m ON m.loan_id = i.loan_id AND m.state = 'active'"
            "  JOIN sociaal_krediet.loan l ON l.id = i.loan_id AND l.booked_on IS NOT NULL"
            " WHERE i.due_on <= :today AND i.due_on >= m.active_on"
            "   AND NOT EXISTS (SELECT FROM sociaal_krediet.payment p WHERE p.loan_id = i.loan_id"
            "                    AND p.method = 'sepa_debit' AND p.about = i.due_on::text)"
            " GROUP BY i.loan_id, i.due_on HAVING sum(i.amount - i.paid) >= :least ORDER BY i.loan_id, i.due_on LIMIT :limit"
        ),
        {"today": today, "least": SMALLEST_AMOUNT, "limit": limit},
    )
    return [DebitDue(row.loan_id, row.due_on, row.amount) for row in rows]


def is_still_due(db: Session, payment: Payment) -> bool:
    """Tell whether the instalment that a debit is of is still open for its amount: it may have waited for Stripe."""
    found = db.execute(
        text(
            "SELECT coalesce(sum(amount - paid), 0) >= :amount FROM sociaal_krediet.open_instalment"
            " WHERE loan_id = :loan AND due_on::text = :about"
        ),
        {"amount": payment.amount, "loan": payment.loan_id, "about": payment.about},
    )
    return bool(found.scalar_one())
