"""Messages to borrowers; their words are made when they are read."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import now
from foundation.identifiers import new_id


def insert(
    db: Session,
    holder_id: str,
    kind: str,
    about: str,
    made_on: date,
    application_id: UUID | None,
    loan_id: UUID | None,
) -> None:
    """Write a notice, once for each thing that it is about."""
    db.execute(
        text(
            "INSERT INTO sociaal_krediet.notice (id, holder_id, kind, application_id, loan_id, about, made_on, made_at)"
            " VALUES (:id, :holder, :kind, :application, :loan, :about, :made_on, :now) ON CONFLICT DO NOTHING"
        ),
        {
            "id": new_id(),
            "holder": holder_id,
            "kind": kind,
            "application": application_id,
            "loan": loan_id,
            "about": about,
            "made_on": made_on,
            "now": now(),
        },
    )
