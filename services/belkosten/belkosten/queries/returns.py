"""What is to go back to the fund after a product ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.models import CreditReturn, Participation
from belkosten.rules.products import WITH_PURSE


def to_return(db: Session, today: date, limit: int) -> Sequence[Row[Any]]:
    """Give what has ended and of which something may be left, with the number of its next return, and lock it.

    Not while a credit is on its way, nor twice on one day.
    """
    return db.execute(
        text(
            "SELECT e.id, e.participant_number, q.holder_id, coalesce(r.nth, 0) + 1 AS nth"
            "  FROM belkosten.participation e JOIN belkosten.participant q ON q.number = e.participant_number"
            "  LEFT JOIN LATERAL (SELECT * FROM belkosten.credit_return r WHERE r.participation_id = e.id"
            "                      ORDER BY nth DESC LIMIT 1) r ON true"
            " WHERE NOT e.returned AND e.ends_on < :today AND e.state = 'confirmed'"
            "   AND (r.nth IS NULL OR (r.booked_on IS NOT NULL AND r.asked_on < :today))"
            "   AND NOT EXISTS (SELECT FROM belkosten.credit c"
            "                    WHERE c.participant_number = e.participant_number AND c.booked_on IS NULL)"
            " ORDER BY e.ends_on LIMIT :limit FOR UPDATE OF e SKIP LOCKED"
        ),
        {"today": today, "limit": limit},
    ).all()


def find(db: Session, participation_id: UUID, nth: int) -> CreditReturn:
    """Lock a return that is there and give it."""
    found = db.get(CreditReturn, (participation_id, nth), with_for_update=True, populate_existing=True)
    assert found is not None, "a return is written down before it is asked for"
    return found


def is_taken_over(db: Session, ended: Participation, today: date) -> bool:
    """Tell whether the same person has a product with a purse again."""
    assert ended.ends_on is not None, "what runs on is not taken over"
    found = db.execute(
        text(
            "SELECT 1 FROM belkosten.participation p WHERE p.participant_number = :number AND p.state = 'confirmed'"
            " AND p.product = ANY(:products) AND p.starts_on > :ended AND p.starts_on <= :today LIMIT 1"
        ),
        {
            "number": ended.participant_number,
            "products": list(WITH_PURSE),
            "ended": ended.ends_on,
            "today": today,
        },
    )
    return found.first() is not None


def close_taken_over(db: Session, today: date) -> None:
    """End the return of what another product took over: what calls under way still held is the new product's."""
    db.execute(
        text(
            "UPDATE belkosten.participation e SET returned = true"
            " WHERE NOT e.returned AND e.ends_on < :today AND e.state = 'confirmed'"
            "   AND EXISTS (SELECT FROM belkosten.credit_return r WHERE r.participation_id = e.id)"
            "   AND NOT EXISTS (SELECT FROM belkosten.credit_return r"
            "                    WHERE r.participation_id = e.id AND r.booked_on IS NULL)"
            "   AND EXISTS (SELECT FROM belkosten.participation p"
            "                WHERE p.participant_number = e.participant_number AND p.state = 'confirmed'"
            "                  AND p.product = ANY(:products) AND p.starts_on > e.ends_on AND p.starts_on <= :today)"
        ),
        {"today": today, "products": list(WITH_PURSE)},
    )
