"""Call credit bought with a purse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from belkosten.models import Purchase


def find(db: Session, purchase: UUID | None) -> Purchase | None:
    return None if purchase is None else db.get(Purchase, purchase)


def of_seller(db: Session, seller: str, purchase_id: str) -> Purchase | None:
    """Give what a seller calls by this id."""
    return db.exec(select(Purchase).where(Purchase.seller == seller, Purchase.purchase_id == purchase_id)).first()


def left_asked(db: Session, before: datetime, limit: int) -> Sequence[Purchase]:
    """Give what was asked before then and never answered, oldest first."""
    return db.exec(
        select(Purchase)
        .where(Purchase.state == "asked", col(Purchase.bought_at) < before)
        .order_by(col(Purchase.bought_at))
        .limit(limit)
    ).all()


def answer(
    db: Session, purchase: UUID, *, transfer_id: str | None, problem_code: str | None, available: int | None
) -> None:
    """Write down what the wallet answered, once."""
    db.execute(
        text(
            "UPDATE belkosten.purchase SET state = CASE WHEN CAST(:transfer AS text) IS NULL THEN 'refused' ELSE 'booked' END,"
            " transfer_id = :transfer, problem_code = :code, available = :available WHERE id = :id AND state = 'asked'"
        ),
        {"id": purchase, "transfer": transfer_id, "code": problem_code, "available": available},
    )
