"""Registering under which reference money is expected."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from foundation.clock import now
from wallet.payouts.references.models import PaymentReference
from wallet.payouts.references.refusals import ReferenceTaken


def register(db: Session, scheme: str, reference: str, subject: str) -> PaymentReference:
    """Let a scheme expect money under a reference; again for the same subject is no change. Raises `ReferenceTaken`."""
    asked = PaymentReference(
        reference=reference, scheme=scheme, subject=subject, registered_by=scheme, registered_at=now()
    )
    # Two at once: the second waits here for the first, and then finds what that registered.
    db.execute(insert(PaymentReference).values(**asked.model_dump()).on_conflict_do_nothing())
    found = db.get_one(PaymentReference, reference)
    if (found.scheme, found.subject) != (scheme, subject):
        raise ReferenceTaken(reference)
    return found
