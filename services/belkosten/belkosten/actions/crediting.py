"""The monthly credit: decided by the set, asked of the wallet in one message per set, booked when it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from belkosten import postings
from belkosten.parameters import PARAMETERS
from belkosten.queries import crediting
from belkosten.queries.crediting import Creditable
from belkosten.rules.credits import credit, next_month
from foundation import outbox
from foundation.clock import business_date
from foundation.identifiers import new_id
from foundation.money import Cents
from foundation.outbox import Leased
from foundation.periods import Month

POST_CREDITS = "post-credits"
CHUNK = 200
"""Participants whose balances are asked for, and who are credited, together."""


def ceiling_on(product: str, day: date) -> Cents | None:
    """Give up to how much a product is credited in the month of a day; None where it has no limit or no purse."""
    first = Month.of(day).start
    match product:
        case "belapp":
            return PARAMETERS.belapp_credit.on(first)
        case "prepaid":
            return PARAMETERS.prepaid_credit.on(first)
        case _:
            return None


def credit_chunk(db: Session, chunk: Sequence[Creditable], balances: Mapping[str, int], today: date) -> None:
    """Credit the month of those who are still due, up to the ceiling. `balances` are what each holder's purse has."""
    month = Month.of(today)
    due = crediting.take_due(db, [who.participation_id for who in chunk], today, next_month(today))
    decided = []
    for who in chunk:
        ceiling = ceiling_on(who.product, today)
        # A credit without a limit is no money in a purse: those calls are paid out of the fund.
        if who.participation_id in due and ceiling is not None:
            balance = balances[who.holder_id]
            decided.append((who, credit(ceiling, Cents(balance)), ceiling, balance))
    new = crediting.insert(db, month, today, decided)
    lines = [
        postings.credit(who.number, who.holder_id, month, amount)
        for who, amount, _, _ in decided
        if amount and who.number in new
    ]
    if lines:
        subject = f"credits/{month}"
        message = postings.month_credits(lines, today).as_json()
        message_id = outbox.enqueue(db, POST_CREDITS, f"{subject}/{new_id()}", message, subject=subject)
        numbers = [who.number for who, amount, _, _ in decided if amount and who.number in new]
        crediting.keep_message(db, month, numbers, message_id)


def booked(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The wallet posted these credits."""
    del answer
    crediting.mark_booked(db, message.id, business_date())
