"""Months of SIM cards: which are touched, and which can be paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.rules.products import SIM
from foundation.database import packed, unpacked
from foundation.periods import Month


@dataclass(frozen=True, slots=True)
class TouchedMonth:
    """A calendar month of somebody's SIM card, and what it costs."""

    participation_id: UUID
    number: str
    month: Month
    fee: int


@dataclass(frozen=True, slots=True)
class MonthToPay:
    """A month that can be paid, with to whom."""

    number: str
    month: date
    provider: str
    payee_id: str
    fee: int


def due(db: Session, today: date, limit: int) -> Sequence[Row[Any]]:
    """Give the SIM cards of which a month is due, and lock them."""
    return db.execute(
        text(
            "SELECT p.id, p.participant_number, p.due_on, p.ends_on FROM belkosten.participation p"
            " WHERE p.state = 'confirmed' AND p.product = :sim AND p.due_on <= :today"
            "   AND (p.ends_on IS NULL OR p.ends_on >= p.due_on)"
            " ORDER BY p.id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"sim": SIM, "today": today, "limit": limit},
    ).all()


def set_due(db: Session, participations: Sequence[UUID], next_due: date) -> None:
    """Set when the next month is due, unless it has ended by then."""
    db.execute(
        text("UPDATE belkosten.participation SET due_on = :next_due WHERE id = ANY(:ids)"),
        {"ids": list(participations), "next_due": next_due},
    )


def insert(db: Session, rows: Sequence[TouchedMonth], today: date) -> None:
    """Write months, once for each participant and month."""
    db.execute(
        text(
            "INSERT INTO belkosten.sim_month (participant_number, month, participation_id, fee, charged_on)"
            " SELECT number, month, participation, fee, :today"
            f"  FROM {unpacked(numbers='text', months='date', participations='uuid', fees='bigint')}"
            "    AS touched (number, month, participation, fee)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "today": today,
            "numbers": packed(row.number for row in rows),
            "months": packed(row.month.start for row in rows),
            "participations": packed(row.participation_id for row in rows),
            "fees": packed(row.fee for row in rows),
        },
    )


def to_pay(db: Session, limit: int) -> list[MonthToPay]:
    """Give months that wait and whose provider is registered, and lock them.

    Where a participant has no provider of their own it is the one that offers SIM cards, if there is exactly one.
    """
    rows = db.execute(
        text(
            "WITH seller AS (SELECT organisation, payee_id, count(*) OVER () AS sellers FROM belkosten.provider"
            "                 WHERE 'sim' = ANY(offers))"
            " SELECT s.participant_number, s.month, v.organisation, v.payee_id::text, s.fee"
            "  FROM belkosten.sim_month s JOIN belkosten.participation p ON p.id = s.participation_id"
            "  JOIN seller v ON v.organisation = p.provider OR (p.provider IS NULL AND v.sellers = 1)"
            " WHERE s.message_id IS NULL ORDER BY s.month, s.participant_number LIMIT :limit FOR UPDATE OF s SKIP LOCKED"
        ),
        {"limit": limit},
    )
    return [MonthToPay(*row) for row in rows]


def keep_message(db: Session, rows: Sequence[MonthToPay], message_id: UUID) -> None:
    """Write down to whom these months are paid, and with which message."""
    db.execute(
        text(
            "UPDATE belkosten.sim_month s SET message_id = :message, provider = paid.provider"
            f"  FROM {unpacked(numbers='text', months='date', providers='text')} AS paid (number, month, provider)"
            " WHERE s.participant_number = paid.number AND s.month = paid.month"
        ),
        {
            "message": message_id,
            "numbers": packed(row.number for row in rows),
            "months": packed(row.month for row in rows),
            "providers": packed(row.provider for row in rows),
        },
    )


def mark_booked(db: Session, message_id: UUID, today: date) -> None:
    db.execute(
        text("UPDATE belkosten.sim_month SET booked_on = :today WHERE message_id = :message"),
        {"message": message_id, "today": today},
    )


def figures(db: Session, month: Month) -> Sequence[Row[Any]]:
    """Give for each provider (None: not known yet) how many months there are and what they cost."""
    return db.execute(
        text(
            "SELECT s.provider, count(*) AS months, sum(s.fee)::bigint AS total,"
            " coalesce(sum(s.fee) FILTER (WHERE s.booked_on IS NOT NULL), 0)::bigint AS booked,"
            " coalesce(sum(s.fee) FILTER (WHERE s.booked_on IS NULL), 0)::bigint AS waiting"
            " FROM belkosten.sim_month s WHERE s.month = :month GROUP BY s.provider ORDER BY s.provider NULLS LAST"
        ),
        {"month": month.start},
    ).all()
