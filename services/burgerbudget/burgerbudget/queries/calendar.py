"""Which quarter was closed last, and which is being closed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class CalendarState:
    """`last_closed` is None before the first close; `closing` is None outside one."""

    last_closed: Quarter | None
    closing: Quarter | None


def read(db: Session, lock: str = "") -> CalendarState:
    """Give the calendar; with `FOR SHARE` or `FOR UPDATE` it stays so until this transaction ends."""
    row = db.execute(text(f"SELECT last_closed, closing FROM burgerbudget.calendar {lock}")).one()
    return CalendarState(_quarter(row.last_closed), _quarter(row.closing))


def begin_closing(db: Session, quarter: Quarter) -> None:
    db.execute(text("UPDATE burgerbudget.calendar SET closing = :quarter"), {"quarter": str(quarter)})


def end_closing(db: Session, quarter: Quarter) -> None:
    db.execute(
        text("UPDATE burgerbudget.calendar SET closing = NULL, last_closed = :quarter WHERE closing = :quarter"),
        {"quarter": str(quarter)},
    )


def _quarter(value: str | None) -> Quarter | None:
    return None if value is None else Quarter.parse(value)
