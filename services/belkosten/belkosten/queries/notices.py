"""Messages to participants; their words are made when they are read."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import now
from foundation.identifiers import new_id


def insert(
    db: Session, holder_id: str, kind: str, participation_id: UUID, made_on: date, object_until: date | None
) -> None:
    """Write a notice, once of each kind for each participation."""
    db.execute(
        text(
            "INSERT INTO belkosten.notice (id, holder_id, kind, participation_id, about, made_on, made_at, object_until)"
            " VALUES (:id, :holder, :kind, :participation, :about, :made_on, :now, :object_until) ON CONFLICT DO NOTHING"
        ),
        {
            "id": new_id(),
            "holder": holder_id,
            "kind": kind,
            "participation": participation_id,
            "about": str(participation_id),
            "made_on": made_on,
            "now": now(),
            "object_until": object_until,
        },
    )
