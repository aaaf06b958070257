"""Credits and what goes back: set by set, never one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.models import Credit
from belkosten.rules.products import PRODUCTS, SIM, WITH_PURSE
from foundation.database import packed, unpacked
from foundation.periods import Month


@dataclass(frozen=True, slots=True)
class Creditable:
    """Somebody whose month is to be credited."""

    participation_id: UUID
    number: str
    holder_id: str
    product: str


def credit_of(db: Session, number: str, month: Month) -> Credit | None:
    """Give what somebody was credited in a month."""
    return db.get(Credit, (number, month.start))


def drop_ended(db: Session, today: date) -> None:
    """Forget the next due day of what has ended: a month of a SIM card before then is still to be paid, a credit is not."""
    db.execute(
        text(
            "UPDATE belkosten.participation SET due_on = NULL WHERE state = 'confirmed' AND product = ANY(:products)"
            " AND due_on <= :today AND ends_on < CASE WHEN product = :sim THEN due_on ELSE :today END"
        ),
        {"products": list(PRODUCTS), "sim": SIM, "today": today},
    )


def to_credit(db: Session, today: date, after: UUID | None, limit: int) -> list[Creditable]:
    """Give the next participants, by participation, whose credit is due.

    Nobody whose earlier credit is still on its way, or of whom something is still to go back: what is in their purse then
    is not yet what the next credit may count on.
    """
    rows = db.execute(
        text(
            "SELECT p.id, p.participant_number, q.holder_id, p.product FROM belkosten.participation p"
            " JOIN belkosten.participant q ON q.number = p.participant_number"
            " WHERE p.state = 'confirmed' AND p.product = ANY(:products) AND p.due_on <= :today"
            "   AND (p.ends_on IS NULL OR p.ends_on >= :today) AND (CAST(:after AS uuid) IS NULL OR p.id > :after)"
            "   AND NOT EXISTS (SELECT FROM belkosten.credit c"
            "                    WHERE c.participant_number = p.participant_number AND c.booked_on IS NULL)"
            "   AND NOT EXISTS (SELECT FROM belkosten.participation e"
            "                    WHERE e.participant_number = p.participant_number AND e.state = 'confirmed'"
            "                      AND NOT e.returned AND e.ends_on < :today)"
            " ORDER BY p.id LIMIT :limit"
        ),
        {"products": list(WITH_PURSE), "today": today, "after": after, "limit": limit},
    )
    return [Creditable(*row) for row in rows]


def take_due(db: Session, participations: Sequence[UUID], today: date, next_due: date) -> set[UUID]:
    """Move the next due day of these, as far as they are still running and due; gives which."""
    rows = db.execute(
        text(
            "UPDATE belkosten.participation SET due_on = :next_due WHERE id = ANY(:ids) AND state = 'confirmed'"
            " AND due_on <= :today AND (ends_on IS NULL OR ends_on >= :today) RETURNING id"
        ),
        {"ids": list(participations), "today": today, "next_due": next_due},
    )
    return {row.id for row in rows}


def insert(db: Session, month: Month, credited_on: date, rows: Sequence[tuple[Creditable, int, int, int]]) -> set[str]:
    """Write credits (who, amount, ceiling, balance before), once for each participant and month; gives whose are new.

    What adds nothing is booked at once.
    """
    if not rows:
        return set()
    written = db.execute(
        text(
            "INSERT INTO belkosten.credit (participant_number, month, participation_id, amount, ceiling, balance_before,"
            " credited_on, booked_on)"
            " SELECT number, :month, participation, amount, ceiling, balance, :today, CASE WHEN amount = 0 THEN :today END"
            f"  FROM {unpacked(numbers='text', participations='uuid', amounts='bigint', ceilings='bigint', balances='bigint')}"
            "    AS asked (number, participation, amount, ceiling, balance)"
            " ON CONFLICT DO NOTHING RETURNING participant_number"
        ),
        {
            "month": month.start,
            "today": credited_on,
            "numbers": packed(who.number for who, _, _, _ in rows),
            "participations": packed(who.participation_id for who, _, _, _ in rows),
            "amounts": packed(amount for _, amount, _, _ in rows),
            "ceilings": packed(ceiling for _, _, ceiling, _ in rows),
            "balances": packed(balance for _, _, _, balance in rows),
        },
    )
    return {row.participant_number for row in written}


def keep_message(db: Session, month: Month, numbers: Sequence[str], message_id: UUID) -> None:
    """Write down with which message these credits are on their way."""
    db.execute(
        text(
            "UPDATE belkosten.credit SET message_id = :message WHERE month = :month AND participant_number = ANY(:numbers)"
        ),
        {"message": message_id, "month": month.start, "numbers": list(numbers)},
    )


def mark_booked(db: Session, message_id: UUID, today: date) -> None:
    db.execute(
        text("UPDATE belkosten.credit SET booked_on = :today WHERE message_id = :message"),
        {"message": message_id, "today": today},
    )


def figures(db: Session, month: Month) -> Row[Any]:
    """Give how many were credited a month, how much, and what stands in the way of the rest."""
    return db.execute(
        text(
            "SELECT count(*) AS participants, count(*) FILTER (WHERE amount > 0) AS credited,"
            " coalesce(sum(amount), 0)::bigint AS total,"
            " coalesce(sum(amount) FILTER (WHERE booked_on IS NOT NULL), 0)::bigint AS booked,"
            " coalesce(sum(amount) FILTER (WHERE booked_on IS NULL), 0)::bigint AS waiting,"
            " (SELECT o.last_error FROM outbox o WHERE o.state = 'dead' AND o.id IN"
            "   (SELECT message_id FROM belkosten.credit WHERE month = :month AND booked_on IS NULL) LIMIT 1) AS problem"
            " FROM belkosten.credit WHERE month = :month"
        ),
        {"month": month.start},
    ).one()
