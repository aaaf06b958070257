"""Reading payment references, and what was booked under them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import text
from sqlmodel import Session, col, select

from wallet.payouts.bank_messages import Entry
from wallet.payouts.reconciliation import Booked, Expected
from wallet.payouts.references.models import PaymentReference


def expected(db: Session, references: Collection[str]) -> dict[str, Expected]:
    """Give those of these references that a scheme registered."""
    statement = select(PaymentReference).where(col(PaymentReference.reference).in_(sorted(references)))
    return {
        row.reference: Expected(row.reference, row.scheme, row.subject)
        for row in (db.exec(statement).all() if references else ())
    }


def wait_for_receipts(db: Session) -> None:
    """Let one transaction at a time book what came in: one booking may stand on two statements that are read at once."""
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('payouts.receipts', 0))"))


def booked_receipts(db: Session, entries: Iterable[Entry]) -> set[Booked]:
    """Give what was booked under a payment reference and has the bank's own reference of one of these entries."""
    rows = db.execute(
        text(
            "SELECT e.account, e.reference, e.amount, e.booked_on, e.payment_reference FROM payouts.bank_entry e"
            " WHERE e.reference = ANY (CAST(:references AS text[])) AND e.outcome IN ('matched', 'returned')"
            "   AND e.payment_reference IS NOT NULL"
        ),
        {"references": sorted({entry.reference for entry in entries if entry.reference is not None})},
    )
    return {Booked(*row) for row in rows}
