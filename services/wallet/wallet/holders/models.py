"""Tables of the holders: persons and payees, their IBANs, and who blocked whom."""

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
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

SCHEMA = "holders"
# SQLModel's stubs do not know an instance of a type as `sa_type`.
_INSTANT: Any = DateTime(timezone=True)


PERSON, PAYEE = "person", "payee"


class Holder(SQLModel, table=True):
    """A person who has purses, or a payee who is owed. BSN under encryption; has no repr of what is personal.

    `reference` is what a payee recognises its payments by, `scheme` the one that registered it and hears of them.
    """

    __tablename__ = "holder"
    __table_args__ = (
        UniqueConstraint("bsn_index", name="holder_bsn_once"),
        UniqueConstraint("id", "kind", name="holder_of_kind"),
        CheckConstraint("kind = 'payee' OR num_nonnulls(reference, scheme) = 0", name="holder_reference_of_payee"),
        CheckConstraint("kind = 'person' OR num_nonnulls(birth_date, bsn_index) = 0", name="holder_payee_is_no_person"),
        Index("holder_payee", "id", postgresql_where=sql("kind = 'payee'")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    kind: str = Field(default=PERSON, sa_column=Column(Text, nullable=False, server_default=PERSON))
    display_name: str = Field(sa_type=Text, repr=False)
    birth_date: date | None = Field(default=None, repr=False)
    bsn_ciphertext: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    bsn_nonce: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    bsn_key_id: str | None = Field(default=None, sa_type=Text)
    bsn_index: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    bsn_index_key_id: str | None = Field(default=None, sa_type=Text)
    blocked: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=sql("false")))
    registered_by: str = Field(sa_type=Text)
    registered_on: date
    registered_at: datetime = Field(sa_type=_INSTANT)
    reference: str | None = Field(default=None, sa_type=Text, repr=False)
    scheme: str | None = Field(default=None, sa_type=Text)


class Iban(SQLModel, table=True):
    """A bank account that somebody says is a holder's; its content never changes."""

    __tablename__ = "iban"
    __table_args__ = (
        ForeignKeyConstraint(["holder_id"], [f"{SCHEMA}.holder.id"]),
        UniqueConstraint("id", "holder_id", name="iban_of_holder"),
        CheckConstraint("confirmed_by <> proposed_by", name="iban_confirmed_by_another"),
        Index("iban_holder", "holder_id", "usable_from"),
        Index("iban_index", "iban_index"),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    holder_id: UUID = Field(sa_type=PG_UUID)
    ciphertext: bytes = Field(sa_type=LargeBinary, repr=False)
    nonce: bytes = Field(sa_type=LargeBinary, repr=False)
    key_id: str = Field(sa_type=Text)
    iban_index: bytes = Field(sa_type=LargeBinary, repr=False)
    index_key_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    proposed_by: str = Field(sa_type=Text)
    proposed_on: date
    proposed_at: datetime = Field(sa_type=_INSTANT)
    confirmed_by: str | None = Field(default=None, sa_type=Text)
    confirmed_on: date | None = None
    confirmed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    usable_from: date | None = None
    refused_by: str | None = Field(default=None, sa_type=Text)
    refused_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    refusal: str | None = Field(default=None, sa_type=Text)


class BlockEvent(SQLModel, table=True):
    """A holder's payouts were stopped, or let go again, by somebody for a reason."""

    __tablename__ = "block_event"
    __table_args__ = (Index("block_event_holder", "holder_id"), {"schema": SCHEMA})

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    holder_id: UUID = Field(sa_column=Column(PG_UUID, ForeignKey(f"{SCHEMA}.holder.id"), nullable=False))
    kind: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=_INSTANT)
