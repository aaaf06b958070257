"""The columns that every service's tables of files have; the tables themselves are the service's own.

The table of files wants a CHECK on `state`, and an index on `received_at` for those still `processing`; the table of
rows one on `outcome`, and one that a refused row has a code.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, SmallInteger, Text
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


class FileImportBase(SQLModel):
    """One file, and how far it was worked through; `state` is processing, imported or refused."""

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    inbox_id: UUID = Field(sa_type=PG_UUID)
    media_type: str = Field(sa_type=Text)
    dry_run: bool
    partial: bool
    state: str = Field(sa_type=Text)
    rows_done: int = Field(sa_type=BigInteger)
    attempts: int = Field(sa_type=SmallInteger, description="how often it was taken up since a row was last done")
    accepted: int = Field(sa_type=BigInteger)
    known: int = Field(sa_type=BigInteger)
    refused: int = Field(sa_type=BigInteger)
    problem: str | None = Field(default=None, sa_type=Text)
    lease_token: UUID | None = Field(default=None, sa_type=PG_UUID)
    lease_until: datetime | None = _instant(default=None)
    received_by: str = Field(sa_type=Text)
    received_at: datetime = _instant()
    finished_at: datetime | None = _instant(default=None)


class FileImportRowBase(SQLModel):
    """One row of a file that was not accepted, with its reason; `outcome` is known or refused."""

    import_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    row: int = Field(primary_key=True, sa_type=BigInteger)
    outcome: str = Field(sa_type=Text)
    code: str | None = Field(default=None, sa_type=Text)
    message: str | None = Field(default=None, sa_type=Text)
