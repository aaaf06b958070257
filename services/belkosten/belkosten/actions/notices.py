"""Telling participants what was decided."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlmodel import Session

from belkosten.parameters import PARAMETERS
from belkosten.queries import notices
from belkosten.rules.reasons import NoticeKind
from foundation.clock import business_date
from foundation.objections import object_until


def tell(db: Session, holder_id: str, kind: NoticeKind, participation_id: UUID, *, is_decision: bool = True) -> None:
    """Tell somebody something; to a decision of the municipality, and not to their own wish, they may object."""
    today = business_date()
    notices.insert(db, holder_id, kind, participation_id, today, _object_until(today) if is_decision else None)


def _object_until(today: date) -> date:
    return object_until(today, PARAMETERS.objection_weeks.on(today))
