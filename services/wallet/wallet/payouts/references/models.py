"""The table of payment references."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, DateTime, Text
from sqlmodel import Field, SQLModel

# SQLModel's stubs do not know an instance of a type as `sa_type`.
_INSTANT: Any = DateTime(timezone=True)


class PaymentReference(SQLModel, table=True):
    """A reference under which a scheme expects money, and what the scheme calls it for."""

    __tablename__ = "payment_reference"
    __table_args__ = ({"schema": "payouts"},)

    reference: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    scheme: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    registered_by: str = Field(sa_type=Text)
    registered_at: datetime = Field(sa_type=_INSTANT)
