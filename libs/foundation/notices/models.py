"""The columns that every service's table of notices has; the table itself is the service's own."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


class NoticeBase(SQLModel):
    """To whom, of what, since when, and when it was read."""

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    holder_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    about: str = Field(sa_type=Text)
    made_on: date
    made_at: datetime = _instant()
    read_at: datetime | None = _instant(default=None)
