"""Months of SIM cards: every calendar month that is touched is owed to its provider, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlmodel import Session

from belkosten import postings
from belkosten.parameters import PARAMETERS
from belkosten.queries import sim
from belkosten.queries.sim import TouchedMonth
from belkosten.rules.credits import months_touched, next_month
from foundation import outbox
from foundation.clock import business_date
from foundation.identifiers import new_id
from foundation.money import Cents
from foundation.outbox import Leased
from foundation.periods import Month
from wallet_contract.messages import PostTransfers

POST_SIM_MONTHS = "post-sim-months"
CHUNK = 200


def charge_due(db: Session, today: date) -> int:
    """Write down the months that are touched by now, each at the fee of its first day. Returns how many cards were due."""
    due = sim.due(db, today, CHUNK)
    touched = [
        TouchedMonth(row.id, row.participant_number, month, PARAMETERS.sim_fee.on(month.start))
        for row in due
        for month in months_touched(row.due_on, min(today, row.ends_on or today))
    ]
    if due:
        sim.insert(db, touched, today)
        sim.set_due(db, [row.id for row in due], next_month(today))
    return len(due)


def pay_waiting(db: Session, today: date) -> int:
    """Owe the next months to their providers, as far as these are registered. Returns how many."""
    rows = sim.to_pay(db, CHUNK)
    if rows:
        lines = [postings.sim_month(row.number, Month.of(row.month), row.payee_id, Cents(row.fee)) for row in rows]
        subject = f"sim-months/{new_id()}"
        message = PostTransfers("sim-month", today, lines).as_json()
        sim.keep_message(db, rows, outbox.enqueue(db, POST_SIM_MONTHS, subject, message, subject=subject))
    return len(rows)


def booked(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The wallet posted these months."""
    del answer
    sim.mark_booked(db, message.id, business_date())
