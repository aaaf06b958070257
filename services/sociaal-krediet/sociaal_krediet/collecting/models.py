"""The tables of repaying through Stripe (SK-12). Stripe knows opaque ids only. Amounts in cents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from sociaal_krediet.models import SCHEMA


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


def _refers(table: str, *, optional: bool = False, unique: bool = False) -> Any:
    column = Column(PG_UUID, ForeignKey(f"{SCHEMA}.{table}.id"), nullable=optional, unique=unique or None)
    return Field(default=None, sa_column=column) if optional else Field(sa_column=column)


def _args(*parts: Any) -> Any:
    return (*parts, {"schema": SCHEMA})


def _id() -> Any:
    return Field(primary_key=True, sa_type=PG_UUID)


class Mandate(SQLModel, table=True):
    """A borrower's leave to debit their account for one loan; the account itself is at Stripe."""

    __tablename__ = "mandate"
    __table_args__ = _args(
        Index("mandate_active_once", "loan_id", unique=True, postgresql_where=text("state = 'active'"))
    )

    id: UUID = _id()
    loan_id: UUID = _refers("loan")
    customer: str | None = Field(default=None, sa_type=Text)
    session: str | None = Field(default=None, sa_type=Text)
    payment_method: str | None = Field(default=None, sa_type=Text)
    mandate: str | None = Field(default=None, sa_type=Text)
    state: str = Field(sa_type=Text)
    active_on: date | None = None
    asked_by: str = Field(sa_type=Text)
    asked_at: datetime = _instant()
    changed_at: datetime = _instant()


class Payment(SQLModel, table=True):
    """A debit or an iDEAL payment; `about` names what it is for, so that no instalment is debited twice."""

    __tablename__ = "payment"
    __table_args__ = _args(
        UniqueConstraint("loan_id", "method", "about", name="payment_debit_once"),
        CheckConstraint("amount > 0", name="payment_amount_positive"),
        Index("payment_of_loan", "loan_id"),
    )

    id: UUID = _id()
    loan_id: UUID = _refers("loan")
    method: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    about: str = Field(sa_type=Text)
    session: str | None = Field(default=None, sa_type=Text)
    payment_intent: str | None = Field(default=None, sa_type=Text, unique=True)
    state: str = Field(sa_type=Text)
    failure: str | None = Field(default=None, sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    asked_on: date
    asked_at: datetime = _instant()
    changed_at: datetime = _instant()


class Refund(SQLModel, table=True):
    """What was paid above the outstanding and goes back to whom it came from (SK-9)."""

    __tablename__ = "refund"
    __table_args__ = _args(CheckConstraint("amount > 0", name="refund_amount_positive"))

    id: UUID = _id()
    loan_id: UUID = _refers("loan")
    payment_id: UUID = _refers("payment")
    fact_id: UUID = _refers("fact", unique=True)
    amount: int = Field(sa_type=BigInteger)
    stripe_refund: str | None = Field(default=None, sa_type=Text, unique=True)
    state: str = Field(sa_type=Text)
    failure: str | None = Field(default=None, sa_type=Text)
    asked_at: datetime = _instant()
    changed_at: datetime = _instant()


class StripeEventRow(SQLModel, table=True):
    """What Stripe told, once per event: the few fields that are used."""

    __tablename__ = "stripe_event"
    __table_args__ = _args(
        Index("stripe_event_waiting", "received_at", postgresql_where=text("state = 'received'")),
        Index("stripe_event_of_payment", "payment_id", postgresql_where=text("payment_id IS NOT NULL")),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    created_at: datetime = _instant()
    content: dict[str, Any] = Field(sa_type=JSONB)
    state: str = Field(sa_type=Text)
    payment_id: UUID | None = _refers("payment", optional=True)
    problem: str | None = Field(default=None, sa_type=Text)
    received_at: datetime = _instant()
    handled_at: datetime | None = _instant(default=None)
