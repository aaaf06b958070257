"""Participants and the products that they have, had, or asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session, col, select

from belkosten.models import Participant, Participation
from belkosten.rules.products import Stay
from foundation.clock import now


@dataclass(frozen=True, slots=True)
class Sought:
    """Which products a list is of; None is all."""

    holder_id: str | None = None
    helper: str | None = None
    product: str | None = None
    state: str | None = None
    first: date | None = None
    last: date | None = None


def find(db: Session, number: str, *, lock: bool = False) -> Participant | None:
    """Give a participant; with `lock` whoever else changes what they have waits."""
    return db.get(Participant, number, with_for_update=lock or None, populate_existing=lock)


def of_holder(db: Session, holder_id: str, *, lock: bool = False) -> Participant | None:
    """Give the participant that somebody is, if they are one."""
    sought = select(Participant).where(Participant.holder_id == holder_id)
    if lock:
        sought = sought.with_for_update().execution_options(populate_existing=True)
    return db.exec(sought).first()


def register(db: Session, holder_id: str, neighbourhood: str | None, actor: str) -> Participant:
    """Give somebody a number, or the one that they have, and lock it."""
    db.execute(
        text(
            "INSERT INTO belkosten.participant (holder_id, neighbourhood, registered_by, registered_at)"
            " VALUES (:holder, :neighbourhood, :actor, :now) ON CONFLICT (holder_id) DO NOTHING"
        ),
        {"holder": holder_id, "neighbourhood": neighbourhood, "actor": actor, "now": now()},
    )
    found = of_holder(db, holder_id, lock=True)
    assert found is not None, "it was there or it is now"
    return found


def participations(db: Session, number: str) -> Sequence[Participation]:
    """Give every product that somebody has, had or asked for, in the order in which they begin."""
    return db.exec(
        select(Participation)
        .where(Participation.participant_number == number)
        .order_by(col(Participation.starts_on), col(Participation.id))
        .execution_options(populate_existing=True)
    ).all()


def participation(db: Session, participation_id: UUID) -> Participation:
    """Give a participation that is there."""
    return db.exec(select(Participation).where(Participation.id == participation_id)).one()


def stay_of(row: Participation) -> Stay:
    """Give what the rules need to know of a participation."""
    return Stay(row.id, row.product, row.ground, row.starts_on, row.ends_on, row.state)  # type: ignore[arg-type]


def is_helped_by(db: Session, number: str, subject: str) -> bool:
    """Tell whether a helper registered this participant."""
    found = db.execute(
        text(
            "SELECT 1 FROM belkosten.participation p"
            " WHERE p.participant_number = :number AND p.registered_by = :subject AND NOT p.by_person LIMIT 1"
        ),
        {"number": number, "subject": subject},
    )
    return found.first() is not None


_STANDING = """
    CASE WHEN p.state <> 'confirmed' THEN p.state
         WHEN p.starts_on > :today THEN 'upcoming'
         WHEN p.ends_on < :today THEN 'ended'
         ELSE 'active' END
"""


def page(db: Session, sought: Sought, today: date, before: UUID | None, limit: int) -> list[Row[Any]]:
    """Give products with whose they are, the one registered last first."""
    rows = db.execute(
        text(
            f"SELECT p.*, q.holder_id, q.neighbourhood, {_STANDING} AS standing FROM belkosten.participation p"
            " JOIN belkosten.participant q ON q.number = p.participant_number"
            " WHERE (CAST(:holder AS text) IS NULL OR q.holder_id = :holder)"
            "   AND (CAST(:helper AS text) IS NULL OR EXISTS (SELECT FROM belkosten.participation h"
            "        WHERE h.participant_number = p.participant_number AND h.registered_by = :helper AND NOT h.by_person))"
            "   AND (CAST(:product AS text) IS NULL OR p.product = :product)"
            f"  AND (CAST(:state AS text) IS NULL OR {_STANDING} = :state)"
            "   AND (CAST(:last AS date) IS NULL OR p.starts_on <= :last)"
            "   AND (CAST(:first AS date) IS NULL OR p.ends_on IS NULL OR p.ends_on >= :first)"
            "   AND (CAST(:before AS uuid) IS NULL OR p.id < :before)"
            " ORDER BY p.id DESC LIMIT :limit"
        ),
        {
            "today": today,
            "holder": sought.holder_id,
            "helper": sought.helper,
            "product": sought.product,
            "state": sought.state,
            "first": sought.first,
            "last": sought.last,
            "before": before,
            "limit": limit,
        },
    )
    return list(rows)


def active(db: Session, number: str, product: str, today: date) -> Row[Any] | None:
    """Give the participant with this number who has this product today, with their holder."""
    return db.execute(
        text(
            "SELECT q.number, q.holder_id FROM belkosten.participation p"
            " JOIN belkosten.participant q ON q.number = p.participant_number"
            " WHERE p.participant_number = :number AND p.product = :product AND p.state = 'confirmed'"
            "   AND p.starts_on <= :today AND (p.ends_on IS NULL OR p.ends_on >= :today)"
        ),
        {"number": number, "product": product, "today": today},
    ).first()
