"""The tables of the seals, for reading; only the sealing functions of migration 0002 write them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

_HASH = "octet_length({}) = 32"


class Block(SQLModel, table=True):
    """What was sealed in one go, chained to the block before it and signed."""

    __tablename__ = "block"
    __table_args__ = (
        CheckConstraint("number > 0"),
        CheckConstraint(_HASH.format("previous_header")),
        CheckConstraint(_HASH.format("root")),
        CheckConstraint("journals > 0"),
        CheckConstraint("entries >= 0"),
        CheckConstraint("format_version = 1"),
        CheckConstraint(_HASH.format("header")),
        CheckConstraint("octet_length(signature) = 64"),
        CheckConstraint("key_id <> ''"),
        {"schema": "ledger"},
    )

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    previous_header: bytes = Field(sa_type=LargeBinary)
    root: bytes = Field(sa_type=LargeBinary)
    journals: int = Field(sa_type=Integer)
    entries: int = Field(sa_type=Integer)
    first_journal: int = Field(sa_type=BigInteger)
    last_journal: int = Field(sa_type=BigInteger)
    sums: dict[str, Any] = Field(sa_type=JSONB, description="what was credited, per asset")
    sealed_at: datetime = Field(sa_type=DateTime(timezone=True))
    format_version: int = Field(sa_type=SmallInteger)
    header: bytes = Field(sa_type=LargeBinary)
    signature: bytes = Field(sa_type=LargeBinary)
    key_id: str = Field(sa_type=Text)


class BlockJournal(SQLModel, table=True):
    """One journal in its block, with the root of its tree and the leaves below it (32 bytes each)."""

    __tablename__ = "block_journal"
    __table_args__ = (
        UniqueConstraint("journal_id", name="block_journal_once"),
        CheckConstraint("position > 0"),
        CheckConstraint(_HASH.format("root")),
        CheckConstraint("octet_length(leaves) % 32 = 0"),
        {"schema": "ledger"},
    )

    block_number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    journal_id: int = Field(sa_type=BigInteger)
    root: bytes = Field(sa_type=LargeBinary)
    leaves: bytes = Field(sa_type=LargeBinary)


class BlockDraft(SQLModel, table=True):
    """A block between hashing and signing; always empty outside the sealer's transaction."""

    __tablename__ = "block_draft"
    __table_args__ = ({"schema": "ledger"},)

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    previous_header: bytes = Field(sa_type=LargeBinary)
    root: bytes = Field(sa_type=LargeBinary)
    journals: int = Field(sa_type=Integer)
    entries: int = Field(sa_type=Integer)
    first_journal: int = Field(sa_type=BigInteger)
    last_journal: int = Field(sa_type=BigInteger)
    sums: dict[str, Any] = Field(sa_type=JSONB)
    sealed_at: datetime = Field(sa_type=DateTime(timezone=True))
    format_version: int = Field(sa_type=SmallInteger)
    header: bytes = Field(sa_type=LargeBinary)
