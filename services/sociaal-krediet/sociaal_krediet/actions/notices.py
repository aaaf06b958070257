"""Telling borrowers what happened."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.clock import business_date
from sociaal_krediet.models import Loan
from sociaal_krediet.queries import notices


def tell(
    db: Session,
    holder_id: str,
    kind: str,
    about: str,
    *,
    application_id: UUID | None = None,
    loan: Loan | None = None,
) -> None:
    """Tell somebody something, once for each thing that it is about."""
    if loan is not None:
        application_id = loan.application_id
    notices.insert(db, holder_id, kind, about, business_date(), application_id, loan.id if loan else None)
