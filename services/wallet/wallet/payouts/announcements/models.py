"""The table of announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

# SQLModel's stubs do not know an instance of a type as `sa_type`.
_INSTANT: Any = DateTime(timezone=True)


class Announcement(SQLModel, table=True):
    """One thing that a scheme is told; its content never changes, and it is taken once."""

    __tablename__ = "announcement"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("kind IN ('payment', 'receipt')", name="announcement_kind_check"),
        Index("announcement_waiting", "scheme", "number", postgresql_where=sql("taken_at IS NULL")),
        {"schema": "payouts"},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    number: int = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    scheme: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    content: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    announced_at: datetime = Field(sa_type=_INSTANT)
    taken_at: datetime | None = Field(default=None, sa_type=_INSTANT)
