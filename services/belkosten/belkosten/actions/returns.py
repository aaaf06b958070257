"""What is left when a product ended goes back to the fund; what calls under way still hold, a later day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from belkosten.models import CreditReturn
from belkosten.queries import participants, returns
from belkosten.rules.credits import is_returned
from foundation import outbox
from foundation.clock import business_date
from foundation.money import Cents
from foundation.outbox import Leased

RETURN_CREDIT = "return-credit"
CHUNK = 200
MOST = Cents(10**12)
"""More than any purse holds: what is asked for when all that is there is meant."""


def ask_returns(db: Session, today: date) -> int:
    """Have what is left of the next products that ended given back. Returns how many were asked for."""
    returns.close_taken_over(db, today)
    ended = returns.to_return(db, today, CHUNK)
    for row in ended:
        subject = f"return/{row.id}/{row.nth}"
        message_id = outbox.enqueue(
            db,
            RETURN_CREDIT,
            subject,
            {
                "participation": str(row.id),
                "number": row.participant_number,
                "holder": row.holder_id,
                "nth": row.nth,
                "valueDate": today.isoformat(),
            },
            subject=subject,
        )
        db.add(CreditReturn(participation_id=row.id, nth=row.nth, message_id=message_id, asked_on=today))
    db.flush()
    return len(ended)


def returned(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The wallet gave back what was there; whether anything can follow depends on what is still in the purse."""
    today = business_date()
    made = returns.find(db, UUID(message.payload["participation"]), message.payload["nth"])
    made.amount, made.booked_on = answer["amount"], today
    ended = participants.participation(db, made.participation_id)
    taken_over = returns.is_taken_over(db, ended, today)
    ended.returned = is_returned(Cents(answer["balance"]), taken_over=taken_over)
    db.flush()
