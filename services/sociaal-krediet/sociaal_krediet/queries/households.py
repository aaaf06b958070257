"""Households: who is in them, what they have outstanding together, and the lock under which that is tested (SK-1)."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from foundation.money import Cents
from sociaal_krediet.models import HouseholdMember


def register(db: Session, holders: Collection[str]) -> None:
    """Give each of these people the row that they are locked by; again is no change."""
    db.execute(
        text(
            "INSERT INTO sociaal_krediet.person (holder_id) SELECT u.id FROM unnest(CAST(:holders AS text[])) u(id)"
            " ORDER BY 1 ON CONFLICT DO NOTHING"
        ),
        {"holders": sorted(set(holders))},
    )


def lock(db: Session, holders: Collection[str]) -> None:
    """Lock these people, in one order for everybody: two decisions on one household wait for one another."""
    db.execute(
        text("SELECT FROM sociaal_krediet.person WHERE holder_id = ANY (:holders) ORDER BY holder_id FOR UPDATE"),
        {"holders": sorted(set(holders))},
    )


def outstanding(db: Session, holders: Collection[str]) -> Cents:
    """Give what these people have outstanding together on loans of their own."""
    found = db.execute(
        text(
            "SELECT coalesce(sum(outstanding), 0)::bigint FROM sociaal_krediet.loan"
            " WHERE holder_id = ANY (:holders) AND outstanding > 0"
        ),
        {"holders": sorted(set(holders))},
    )
    return Cents(found.scalar_one())


def members(db: Session, application_id: UUID) -> list[str]:
    """Give the known holders in the household of an application."""
    statement = (
        select(HouseholdMember.holder_id)
        .where(HouseholdMember.application_id == application_id)
        .order_by(col(HouseholdMember.holder_id))
    )
    return list(db.exec(statement).all())
