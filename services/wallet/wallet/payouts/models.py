"""Tables of the payouts: batches, lines, approvals, and what the bank said of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

SCHEMA = "payouts"
_BATCH = f"{SCHEMA}.batch.id"
# SQLModel's stubs do not know an instance of a type as `sa_type`.
_INSTANT: Any = DateTime(timezone=True)


class Batch(SQLModel, table=True):
    """A payout batch; amounts in the smallest unit of its asset."""

    __tablename__ = "batch"
    __table_args__ = (
        UniqueConstraint("number"),
        UniqueConstraint("id", "purse", name="batch_purse"),
        UniqueConstraint("id", "maker", "content_hash", name="batch_content"),
        CheckConstraint("checker <> maker", name="batch_checked_by_another"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    number: int = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    purse: str = Field(sa_column=Column(Text, ForeignKey("ledger.purse.code"), nullable=False))
    asset: str = Field(sa_type=Text)
    execute_on: date
    state: str = Field(sa_type=Text)
    maker: str = Field(sa_type=Text)
    drafted_on: date
    drafted_at: datetime = Field(sa_type=_INSTANT)
    lines: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    total: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    debtor_name: str | None = Field(default=None, sa_type=Text)
    debtor_iban: str | None = Field(default=None, sa_type=Text)
    content_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    content_version: int | None = Field(default=None, sa_type=SmallInteger)
    approvals_needed: int | None = Field(default=None, sa_type=SmallInteger)
    submitted_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    checker: str | None = Field(default=None, sa_type=Text)
    approved_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    sender: str | None = Field(default=None, sa_type=Text)
    channel: str | None = Field(default=None, sa_type=Text)
    sending_on: date | None = None
    sending_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    file_sha256: bytes | None = Field(default=None, sa_type=LargeBinary)
    file_bytes: int | None = Field(default=None, sa_type=BigInteger)
    sent_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    bank_status: str | None = Field(default=None, sa_type=Text)
    settled_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    withdrawer: str | None = Field(default=None, sa_type=Text)
    withdrawal_started_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    withdrawn_at: datetime | None = Field(default=None, sa_type=_INSTANT)


class Line(SQLModel, table=True):
    """One payment of a batch: the whole available balance of one person's purse, or payee's payable, to one IBAN."""

    __tablename__ = "line"
    __table_args__ = (
        CheckConstraint("hold_id = id"),
        CheckConstraint("end_to_end_id = replace(id::text, '-', '')"),
        UniqueConstraint("batch_id", "holder_id", "purse", name="line_once_in_batch"),
        UniqueConstraint("batch_id", "line_no", name="line_number"),
        ForeignKeyConstraint(["batch_id", "purse"], [_BATCH, f"{SCHEMA}.batch.purse"], name="line_in_batch"),
        ForeignKeyConstraint(
            ["iban_id", "holder_id"], ["holders.iban.id", "holders.iban.holder_id"], name="line_iban_of_holder"
        ),
        ForeignKeyConstraint(
            ["holder_id", "holder_kind"], ["holders.holder.id", "holders.holder.kind"], name="line_holder_of_kind"
        ),
        CheckConstraint("holder_kind = 'payee' OR reference IS NULL", name="line_reference_of_payee"),
        Index(
            "line_one_live_batch",
            "holder_id",
            "purse",
            unique=True,
            postgresql_where=sql("state IN ('drafted', 'held')"),
        ),
        Index("line_uncleared", "batch_id", postgresql_where=sql("state IN ('sent', 'returned') AND NOT cleared")),
        Index("line_of_payee", "holder_id", "id", postgresql_where=sql("holder_kind = 'payee'")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    batch_id: UUID = Field(sa_type=PG_UUID)
    line_no: int | None = None
    holder_id: UUID = Field(sa_type=PG_UUID)
    purse: str = Field(sa_type=Text)
    asset: str = Field(sa_type=Text)
    iban_id: UUID = Field(sa_type=PG_UUID)
    creditor_name: str | None = Field(default=None, sa_type=Text, repr=False)
    amount: int = Field(sa_type=BigInteger)
    hold_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    end_to_end_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    bank_status: str | None = Field(default=None, sa_type=Text)
    cleared: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=sql("false")))
    sent_journal: int | None = Field(default=None, sa_type=BigInteger)
    back_journal: int | None = Field(default=None, sa_type=BigInteger)
    holder_kind: str = Field(default="person", sa_column=Column(Text, nullable=False, server_default="person"))
    reference: str | None = Field(default=None, sa_type=Text, repr=False)


class Excluded(SQLModel, table=True):
    """A holder who was looked at for a batch and is not in it."""

    __tablename__ = "exclusion"
    __table_args__ = ({"schema": SCHEMA},)

    batch_id: UUID = Field(sa_column=Column(PG_UUID, ForeignKey(_BATCH), primary_key=True))
    holder_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    reason: str = Field(sa_type=Text)


class Approval(SQLModel, table=True):
    """One person's approval of one content; the foreign key ties it to that content and its maker."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("approver <> maker", name="approval_by_another"),
        ForeignKeyConstraint(
            ["batch_id", "maker", "content_hash"],
            [_BATCH, f"{SCHEMA}.batch.maker", f"{SCHEMA}.batch.content_hash"],
            name="approval_of_content",
        ),
        {"schema": SCHEMA},
    )

    batch_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    approver: str = Field(primary_key=True, sa_type=Text)
    maker: str = Field(sa_type=Text)
    content_hash: bytes = Field(sa_type=LargeBinary)
    approved_at: datetime = Field(sa_type=_INSTANT)


class BatchEvent(SQLModel, table=True):
    """Something that somebody did with a batch, for its time line."""

    __tablename__ = "batch_event"
    __table_args__ = (Index("batch_event_batch", "batch_id"), {"schema": SCHEMA})

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    batch_id: UUID = Field(sa_column=Column(PG_UUID, ForeignKey(_BATCH), nullable=False))
    kind: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    recorded_at: datetime = Field(sa_type=_INSTANT)


class BankMessage(SQLModel, table=True):
    """A message of the bank; its bytes are encrypted, and kept once."""

    __tablename__ = "bank_message"
    __table_args__ = (
        Index("bank_message_bytes_once", "sha256", unique=True, postgresql_where=sql("same_as IS NULL")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    kind: str = Field(sa_type=Text)
    identification: str = Field(sa_type=Text)
    sha256: bytes = Field(sa_type=LargeBinary)
    length: int = Field(sa_type=BigInteger)
    ciphertext: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    nonce: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    key_id: str | None = Field(default=None, sa_type=Text)
    same_as: UUID | None = Field(
        default=None, sa_column=Column(PG_UUID, ForeignKey(f"{SCHEMA}.bank_message.id"), nullable=True)
    )
    matched: int
    returned: int
    unknown: int
    repeated: int
    received_by: str = Field(sa_type=Text)
    received_on: date
    received_at: datetime = Field(sa_type=_INSTANT)


class BankEntry(SQLModel, table=True):
    """One entry of a bank's message and what became of it."""

    __tablename__ = "bank_entry"
    __table_args__ = (
        Index(
            "bank_entry_handled_once",
            "entry_key",
            unique=True,
            postgresql_where=sql("outcome IN ('matched', 'returned')"),
        ),
        Index("bank_entry_key", "entry_key"),
        Index("bank_entry_reference", "reference", postgresql_where=sql("outcome IN ('matched', 'returned')")),
        Index("bank_entry_unknown", "message_id", postgresql_where=sql("outcome = 'unknown'")),
        Index("bank_entry_line", "line_id", postgresql_where=sql("line_id IS NOT NULL")),
        {"schema": SCHEMA},
    )

    message_id: UUID = Field(sa_column=Column(PG_UUID, ForeignKey(f"{SCHEMA}.bank_message.id"), primary_key=True))
    number: int = Field(primary_key=True)
    entry_key: bytes = Field(sa_type=LargeBinary)
    level: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, sa_type=Text)
    status: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    account: str | None = Field(default=None, sa_type=Text)
    statement: str | None = Field(default=None, sa_type=Text)
    reference: str | None = Field(default=None, sa_type=Text)
    end_to_end_id: str | None = Field(default=None, sa_type=Text)
    batch_name: str | None = Field(default=None, sa_type=Text)
    booked_on: date | None = None
    outcome: str = Field(sa_type=Text)
    note: str | None = Field(default=None, sa_type=Text)
    batch_id: UUID | None = Field(default=None, sa_column=Column(PG_UUID, ForeignKey(_BATCH), nullable=True))
    line_id: UUID | None = Field(
        default=None, sa_column=Column(PG_UUID, ForeignKey(f"{SCHEMA}.line.id"), nullable=True)
    )
    journal_id: int | None = Field(default=None, sa_type=BigInteger)
    payment_reference: str | None = Field(default=None, sa_column=Column(Text(collation="C"), nullable=True))
