"""The tables of transfer batches; what guards them stands in migration 0006."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from wallet.ledger.models import SCHEMA

_C = Text(collation="C")
# SQLModel's stubs do not know an instance of a type as `sa_type`.
_INSTANT: Any = DateTime(timezone=True)


def _counted(kind: Any) -> Any:
    return Column(kind, nullable=False, server_default=text("0"))


class BulkBatch(SQLModel, table=True):
    """A file of transfers out of one account; amounts in the smallest unit of its asset."""

    __tablename__ = "bulk_batch"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("NOT by_hand OR coalesce(reason, '') <> ''", name="bulk_batch_reason_by_hand"),
        CheckConstraint("NOT by_hand OR approved_by <> maker", name="bulk_batch_approved_by_another"),
        CheckConstraint("submitted_at IS NULL OR partial OR excluded = 0", name="bulk_batch_exceptions_accepted"),
        CheckConstraint(
            "posted_at IS NULL OR posted_lines + failed_lines = lines - excluded AND posted_total + failed_total = total",
            name="bulk_batch_control_totals",
        ),
        Index(
            "bulk_batch_unfinished",
            "number",
            postgresql_where=text("state IN ('loading', 'checking', 'approved', 'posting')"),
        ),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID, description="also that of its hold")
    number: int = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    kind: str = Field(sa_type=Text)
    source: str = Field(sa_column=Column(_C, nullable=False))
    asset: str = Field(sa_column=Column(Text, ForeignKey("ledger.asset.code"), nullable=False))
    value_date: date
    reason: str | None = Field(default=None, sa_type=Text)
    by_hand: bool
    maker: str = Field(sa_type=Text)
    on_behalf_of: str | None = Field(default=None, sa_type=Text)
    inbox_id: UUID = Field(sa_type=PG_UUID)
    media_type: str = Field(sa_type=Text)
    file_sha256: bytes = Field(sa_type=LargeBinary)
    file_bytes: int = Field(sa_type=BigInteger)
    chunk_lines: int
    received_at: datetime = Field(sa_type=_INSTANT)
    state: str = Field(sa_type=Text)
    attempts: int = Field(default=0, sa_column=_counted(SmallInteger))
    bytes_read: int = Field(default=0, sa_column=_counted(BigInteger))
    lines_read: int = Field(default=0, sa_column=_counted(Integer))
    lines: int = Field(default=0, sa_column=_counted(Integer))
    checks_done: int = Field(default=0, sa_column=_counted(SmallInteger))
    problem: str | None = Field(default=None, sa_type=Text)
    excluded: int = Field(default=0, sa_column=_counted(Integer))
    total: int = Field(default=0, sa_column=_counted(BigInteger))
    content_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    content_version: int | None = Field(default=None, sa_type=SmallInteger)
    checked_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    partial: bool | None = None
    submitted_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    approved_by: str | None = Field(default=None, sa_type=Text)
    approved_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    posted_lines: int | None = None
    posted_total: int | None = Field(default=None, sa_type=BigInteger)
    failed_lines: int | None = None
    failed_total: int | None = Field(default=None, sa_type=BigInteger)
    first_journal: int | None = Field(default=None, sa_type=BigInteger)
    last_journal: int | None = Field(default=None, sa_type=BigInteger)
    posted_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    withdrawn_by: str | None = Field(default=None, sa_type=Text)
    withdrawn_at: datetime | None = Field(default=None, sa_type=_INSTANT)

    @property
    def chunks(self) -> int:
        """In how many chunks it is posted."""
        return -(-self.lines_read // self.chunk_lines)


class BulkLine(SQLModel, table=True):
    """One line of a batch that could be read."""

    __tablename__ = "bulk_line"
    __table_args__ = ({"schema": SCHEMA},)

    batch_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    amount: int = Field(sa_type=BigInteger)
    destination: str = Field(sa_column=Column(_C, nullable=False))
    grant_key: str = Field(sa_column=Column(_C, nullable=False))
    reference: str | None = Field(default=None, sa_type=Text)
    explanation: str | None = Field(default=None, sa_type=Text)


class BulkException(SQLModel, table=True):
    """One reason why a line is not posted."""

    __tablename__ = "bulk_exception"
    __table_args__ = ({"schema": SCHEMA},)

    batch_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    line: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    code: str = Field(primary_key=True, sa_type=Text)
    message: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text, description="loading, checking or posting: when it was found")


class BulkChunk(SQLModel, table=True):
    """One chunk that was posted."""

    __tablename__ = "bulk_chunk"
    __table_args__ = (UniqueConstraint("journal_id", name="bulk_chunk_journal_once"), {"schema": SCHEMA})

    batch_id: UUID = Field(sa_column=Column(PG_UUID, ForeignKey("ledger.bulk_batch.id"), primary_key=True))
    chunk: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    lines: int
    total: int = Field(sa_type=BigInteger)
    failed_lines: int
    failed_total: int = Field(sa_type=BigInteger)
    journal_id: int | None = Field(default=None, sa_type=BigInteger)
    posted_at: datetime = Field(sa_type=_INSTANT)
