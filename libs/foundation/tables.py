"""The tables that every service has beside its own: idempotency, outbox, inbox, schedule."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel


class IdempotencyRow(SQLModel, table=True):
    """One answer given to one key; those of commands that move money never expire."""

    __tablename__ = "idempotency"

    caller: str = Field(primary_key=True, sa_type=Text)
    operation: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    status: int | None = Field(default=None, sa_type=SmallInteger)
    media_type: str | None = Field(default=None, sa_type=Text)
    body: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class OutboxRow(SQLModel, table=True):
    """Something that must reach another service, written in the transaction of the decision."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'leased', 'done', 'dead', 'closed')", name="outbox_state_known"),
        CheckConstraint("attempts >= 0", name="outbox_attempts_counted"),
        CheckConstraint("(state = 'leased') = (lease_token IS NOT NULL)", name="outbox_lease_complete"),
        Index("outbox_undone", "sequence", postgresql_where=text("state IN ('pending', 'leased', 'dead')")),
        Index("outbox_subject", "subject"),
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))
    kind: str = Field(sa_type=Text)
    dedupe_key: str = Field(sa_type=Text, unique=True)
    subject: str = Field(sa_type=Text, description="what it is about, to find all rows of one job")
    payload: dict[str, Any] = Field(sa_type=JSONB)
    after: list[UUID] = Field(sa_column=Column(ARRAY(PG_UUID), nullable=False))
    state: str = Field(sa_type=Text)
    attempts: int = Field(sa_type=SmallInteger, description="how often delivery began since the last resumption")
    resumptions: int = Field(sa_type=SmallInteger)
    next_at: datetime = Field(sa_type=DateTime(timezone=True))
    lease_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    lease_token: UUID | None = Field(default=None, sa_type=PG_UUID)
    last_error: str | None = Field(default=None, sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    done_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class InboxRow(SQLModel, table=True):
    """Something that came in from outside, its raw bytes kept in pieces beside it."""

    __tablename__ = "inbox"

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    source: str = Field(sa_type=Text)
    media_type: str = Field(sa_type=Text)
    sha256: bytes = Field(sa_type=LargeBinary)
    length: int = Field(sa_type=BigInteger)
    received_at: datetime = Field(sa_type=DateTime(timezone=True))


class InboxPiece(SQLModel, table=True):
    """One piece of at most 1 MiB of what came in."""

    __tablename__ = "inbox_piece"

    inbox_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    content: bytes = Field(sa_type=LargeBinary)


class ScheduleRow(SQLModel, table=True):
    """One job that was done for one business date; two schedulers at once are harmless."""

    __tablename__ = "schedule"

    job: str = Field(primary_key=True, sa_type=Text)
    period: date = Field(primary_key=True)
    done_at: datetime = Field(sa_type=DateTime(timezone=True))


TABLES = ("idempotency", "outbox", "inbox", "inbox_piece", "schedule")

# Written out rather than made from the models above, so that what a migration once did never changes with
# the models; a test compares the two.
CREATE_SQL = """
CREATE TABLE idempotency (
    caller text NOT NULL, operation text NOT NULL, key text NOT NULL,
    fingerprint bytea NOT NULL, status smallint, media_type text, body text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (caller, operation, key)
);
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    sequence bigint GENERATED ALWAYS AS IDENTITY NOT NULL UNIQUE,
    kind text NOT NULL,
    dedupe_key text NOT NULL UNIQUE,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    after uuid[] NOT NULL,
    state text NOT NULL,
    attempts smallint NOT NULL,
    resumptions smallint NOT NULL,
    next_at timestamptz NOT NULL,
    lease_until timestamptz,
    lease_token uuid,
    last_error text,
    error_code text,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    CONSTRAINT outbox_state_known CHECK (state IN ('pending', 'leased', 'done', 'dead', 'closed')),
    CONSTRAINT outbox_attempts_counted CHECK (attempts >= 0),
    CONSTRAINT outbox_lease_complete CHECK ((state = 'leased') = (lease_token IS NOT NULL))
);
CREATE INDEX outbox_undone ON outbox (sequence) WHERE state IN ('pending', 'leased', 'dead');
CREATE INDEX outbox_subject ON outbox (subject);
CREATE TABLE inbox (
    id uuid PRIMARY KEY, source text NOT NULL, media_type text NOT NULL, sha256 bytea NOT NULL,
    length bigint NOT NULL, received_at timestamptz NOT NULL
);
CREATE TABLE inbox_piece (
    inbox_id uuid NOT NULL, number bigint NOT NULL, content bytea NOT NULL, PRIMARY KEY (inbox_id, number)
);
-- Read once and thrown away: compressing was most of the time in which a file was taken in.
ALTER TABLE inbox_piece ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE TABLE schedule (
    job text NOT NULL, period date NOT NULL, done_at timestamptz NOT NULL, PRIMARY KEY (job, period)
);
GRANT SELECT, INSERT, UPDATE ON idempotency, outbox TO {service};
GRANT SELECT, INSERT ON inbox, schedule TO {service};
GRANT SELECT, INSERT, DELETE ON inbox_piece TO {service};
"""
