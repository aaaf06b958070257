"""Loans: their facts, schedules, open instalments, proposals, and what the wallet was asked to post for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, text
from sqlmodel import Session, col, select

from foundation.clock import business_date, now
from sociaal_krediet.models import (
    Booking,
    Fact,
    Gift,
    Loan,
    OpenInstalment,
    Proposal,
    ScheduleLine,
    ScheduleVersion,
)
from sociaal_krediet.rules.schedules import Due


@dataclass(frozen=True, slots=True)
class Sought:
    """Which loans a list is of; None is all."""

    helper: str | None = None
    holder_id: str | None = None
    state: str | None = None
    late_on: date | None = None
    """Only loans with an instalment that was due before this day and is not paid."""


def find(db: Session, loan_id: UUID | None, *, lock: bool = False) -> Loan | None:
    """Give a loan; with `lock` whoever else changes it waits."""
    if loan_id is None:
        return None
    return db.get(Loan, loan_id, with_for_update=lock or None, populate_existing=lock)


def find_gift(db: Session, gift_id: UUID | None, *, lock: bool = False) -> Gift | None:
    """Give a gift."""
    return None if gift_id is None else db.get(Gift, gift_id, with_for_update=lock or None, populate_existing=lock)


def next_number(db: Session) -> int:
    """Give a number that no loan ever had."""
    return int(db.execute(text("SELECT nextval('sociaal_krediet.loan_number')")).scalar_one())


def facts(db: Session, loan_id: UUID) -> Sequence[Fact]:
    """Give all facts of a loan, in the order in which they were recorded."""
    return db.exec(select(Fact).where(Fact.loan_id == loan_id).order_by(col(Fact.recorded_at), col(Fact.id))).all()


def fact(db: Session, fact_id: UUID) -> Fact:
    """Give a fact that is there."""
    return db.exec(select(Fact).where(Fact.id == fact_id)).one()


def fact_of_source(db: Session, source: str, source_id: str) -> Fact | None:
    """Give the fact that came from there, where it was written down before."""
    return db.exec(select(Fact).where(Fact.source == source, Fact.source_id == source_id)).first()


def bookings(db: Session, loan_id: UUID) -> Sequence[Booking]:
    """Give what the wallet was asked to post for a loan, oldest first."""
    return db.exec(select(Booking).where(Booking.loan_id == loan_id).order_by(col(Booking.id))).all()


def keep_version(db: Session, loan: Loan, schedule: Sequence[Due], fact_id: UUID | None) -> None:
    """Write down the schedule that is in force from now on, as the next version."""
    loan.schedule_version += 1
    db.add(
        ScheduleVersion(
            loan_id=loan.id,
            version=loan.schedule_version,
            fact_id=fact_id,
            made_on=business_date(),
            made_at=now(),
        )
    )
    db.flush()
    db.add_all(
        ScheduleLine(
            loan_id=loan.id, version=loan.schedule_version, number=due.number, due_on=due.due_on, amount=due.amount
        )
        for due in schedule
    )
    db.flush()


def version_lines(db: Session, loan_id: UUID, version: int) -> list[Due]:
    """Give the instalments of one version, in their order."""
    rows = db.exec(
        select(ScheduleLine)
        .where(ScheduleLine.loan_id == loan_id, ScheduleLine.version == version)
        .order_by(col(ScheduleLine.number))
    )
    return [Due(row.number, row.due_on, row.amount) for row in rows]  # type: ignore[arg-type]


def versions(db: Session, loan_id: UUID) -> Sequence[ScheduleVersion]:
    """Give every schedule that was ever in force, newest first."""
    return db.exec(
        select(ScheduleVersion).where(ScheduleVersion.loan_id == loan_id).order_by(col(ScheduleVersion.version).desc())
    ).all()


def replace_open_instalments(db: Session, loan_id: UUID, rows: Sequence[OpenInstalment]) -> None:
    """Put the instalments that are not wholly paid in the place of those before."""
    db.execute(delete(OpenInstalment).where(col(OpenInstalment.loan_id) == loan_id))
    db.add_all(rows)
    db.flush()


def proposal(db: Session, loan_id: UUID, proposal_id: UUID | None) -> Proposal | None:
    """Lock a proposal of a loan and give it."""
    if proposal_id is None:
        return None
    found = db.get(Proposal, proposal_id, with_for_update=True, populate_existing=True)
    return found if found is not None and found.loan_id == loan_id else None


def proposals(db: Session, loan_id: UUID) -> Sequence[Proposal]:
    """Give what was proposed for a loan, newest first."""
    return db.exec(select(Proposal).where(Proposal.loan_id == loan_id).order_by(col(Proposal.id).desc())).all()


_ARREARS = """
    LEFT JOIN LATERAL (SELECT min(i.due_on) AS oldest, coalesce(sum(i.amount - i.paid), 0)::bigint AS total
                         FROM sociaal_krediet.open_instalment i
                        WHERE i.loan_id = l.id AND i.due_on < :today) late ON true
"""


def page(db: Session, sought: Sought, today: date, before: int | None, limit: int) -> list[Row[Any]]:
    """Give loans, newest first, each with the oldest due date that was missed and what is late in all."""
    rows = db.execute(
        text(
            f"SELECT l.*, late.oldest, late.total AS arrears FROM sociaal_krediet.loan l {_ARREARS}"
            " WHERE (CAST(:helper AS text) IS NULL OR l.helper = :helper)"
            "   AND (CAST(:holder AS text) IS NULL OR l.holder_id = :holder)"
            "   AND (CAST(:state AS text) IS NULL OR l.state = :state)"
            "   AND (CAST(:late_on AS date) IS NULL OR late.oldest < :late_on)"
            "   AND (CAST(:before AS bigint) IS NULL OR l.number < :before)"
            " ORDER BY l.number DESC LIMIT :limit"
        ),
        {
            "today": today,
            "helper": sought.helper,
            "holder": sought.holder_id,
            "state": sought.state,
            "late_on": sought.late_on,
            "before": before,
            "limit": limit,
        },
    )
    return list(rows)


def late(db: Session, today: date, days: int, after: int, limit: int) -> Sequence[Loan]:
    """Give the next loans, by number, with an instalment that is this many days late or more."""
    statement = (
        select(Loan)
        .where(col(Loan.number) > after, Loan.state == "active")
        .where(
            col(Loan.id).in_(
                select(OpenInstalment.loan_id).where(col(OpenInstalment.due_on) <= today - timedelta(days=days))
            )
        )
        .order_by(col(Loan.number))
        .limit(limit)
    )
    return db.exec(statement).all()
