"""The tables of the ledger, for reading; only the functions of the migrations write them (proposals apart)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
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
    text,
)
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel

SCHEMA = "ledger"
_NOW = text("clock_timestamp()")
_C = Text(collation="C")


def _instant(*, nullable: bool = False, made: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable, server_default=_NOW if made else None)


class Asset(SQLModel, table=True):
    """What is counted; `scale` is the number of decimals that people see."""

    __tablename__ = "asset"
    __table_args__ = ({"schema": SCHEMA},)

    code: str = Field(primary_key=True, sa_type=Text)
    kind: str = Field(sa_type=Text)
    scale: int = Field(sa_type=SmallInteger)


class Purse(SQLModel, table=True):
    """A kind of purse that any holder can have, with the terms on which it opens."""

    __tablename__ = "purse"
    __table_args__ = ({"schema": SCHEMA},)

    code: str = Field(primary_key=True, sa_type=Text)
    asset: str = Field(sa_column=Column(Text, ForeignKey("ledger.asset.code"), nullable=False))
    scheme: str = Field(sa_type=Text)
    floor: int | None = Field(default=None, sa_type=BigInteger)
    ceiling: int | None = Field(default=None, sa_type=BigInteger)
    claimable: bool = Field(
        default=False,
        sa_column=Column(Boolean, nullable=False, server_default=text("false")),
        description="whether its owner may come to owe what a reversal takes back and is no longer there",
    )


class Owner(SQLModel, table=True):
    """Somebody whose purses open by themselves at their first credit."""

    __tablename__ = "owner"
    __table_args__ = ({"schema": SCHEMA},)

    owner: str = Field(sa_column=Column(_C, primary_key=True))
    opened_at: datetime = Field(sa_column=_instant(made=True))


class Account(SQLModel, table=True):
    """An account; never deleted, at most closed."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("address", name="account_address_key"),
        Index("account_closed", "id", postgresql_where=text("closed_at IS NOT NULL")),
        CheckConstraint("(kind = 'loan') = (address LIKE 'loan:%')", name="account_loan"),
        {"schema": SCHEMA},
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    address: str = Field(sa_column=Column(_C, nullable=False))
    asset: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    purse: str | None = Field(default=None, sa_type=Text)
    opened_at: datetime = Field(sa_column=_instant(made=True))
    closed_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))


class Balance(SQLModel, table=True):
    """What stands on an account and how much of it is held back; `version` counts its entries."""

    __tablename__ = "balance"
    __table_args__ = (
        CheckConstraint("floor IS NULL OR posted - held >= floor", name="balance_above_floor"),
        CheckConstraint("ceiling IS NULL OR posted <= ceiling", name="balance_below_ceiling"),
        CheckConstraint("held >= 0", name="balance_held_not_negative"),
        {"schema": SCHEMA},
    )

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    posted: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    held: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    floor: int | None = Field(default=None, sa_type=BigInteger)
    ceiling: int | None = Field(default=None, sa_type=BigInteger)
    lock_rank: int = Field(sa_type=SmallInteger)


class Journal(SQLModel, table=True):
    """One business event and who did it."""

    __tablename__ = "journal"
    __table_args__ = (Index("journal_value_date", "value_date", postgresql_using="brin"), {"schema": SCHEMA})

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    kind: str = Field(sa_type=Text)
    value_date: date
    recorded_at: datetime = Field(sa_column=_instant())
    actor: str = Field(sa_type=Text)
    on_behalf_of: str | None = Field(default=None, sa_type=Text)
    decision: str | None = Field(default=None, sa_type=Text)
    batch: str | None = Field(default=None, sa_type=Text)
    chunk: int | None = Field(default=None, sa_type=Integer)
    reason: str | None = Field(default=None, sa_type=Text)
    format_version: int = Field(sa_type=SmallInteger)


class Entry(SQLModel, table=True):
    """One line of a journal on one account: above 0 credited, below 0 debited."""

    __tablename__ = "entry"
    __table_args__ = (
        UniqueConstraint("journal_id", "line", name="entry_line"),
        Index("entry_grant_key_once", "grant_key", unique=True, postgresql_where=text("grant_key IS NOT NULL")),
        Index(
            "entry_reversal",
            "reversed_journal_id",
            "reversed_line",
            postgresql_where=text("reversed_journal_id IS NOT NULL"),
        ),
        {"schema": SCHEMA},
    )

    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    version: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    journal_id: int = Field(sa_type=BigInteger)
    line: int = Field(sa_type=Integer)
    counter_account_id: int | None = Field(default=None, sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    balance_after: int = Field(sa_type=BigInteger)
    grant_key: str | None = Field(default=None, sa_column=Column(_C))
    reference: str | None = Field(default=None, sa_type=Text)
    explanation: str | None = Field(default=None, sa_type=Text)
    hold_id: UUID | None = Field(default=None, sa_type=postgresql.UUID)
    reversed_journal_id: int | None = Field(default=None, sa_type=BigInteger)
    reversed_line: int | None = Field(default=None, sa_type=Integer)
    nonce: bytes = Field(sa_type=LargeBinary)


class Hold(SQLModel, table=True):
    """An amount set apart on an account: open, or captured, released or expired."""

    __tablename__ = "hold"
    __table_args__ = (
        Index("hold_of_account", "account_id", "opened_at", "id"),
        Index("hold_opened", "opened_at", "id"),
        Index("hold_to_expire", "expires_at", postgresql_where=text("state = 'open' AND expires_at IS NOT NULL")),
        {"schema": SCHEMA},
    )

    id: UUID = Field(primary_key=True, sa_type=postgresql.UUID)
    account_id: int = Field(sa_type=BigInteger)
    amount: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_column=_instant())
    expires_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    closed_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    opened_by: str = Field(sa_type=Text)


class HoldEvent(SQLModel, table=True):
    """What happened to a hold, in order."""

    __tablename__ = "hold_event"
    __table_args__ = ({"schema": SCHEMA},)

    hold_id: UUID = Field(primary_key=True, sa_type=postgresql.UUID)
    sequence: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    kind: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    journal_id: int | None = Field(default=None, sa_type=BigInteger)
    actor: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_column=_instant())


class Unsealed(SQLModel, table=True):
    """A journal that no block seals yet."""

    __tablename__ = "unsealed"
    __table_args__ = ({"schema": SCHEMA},)

    journal_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class Fund(SQLModel, table=True):
    """Money that the council set apart for a purpose; its account can never go below 0."""

    __tablename__ = "fund"
    __table_args__ = (UniqueConstraint("account_id", name="fund_account_id_key"), {"schema": SCHEMA})

    code: str = Field(primary_key=True, sa_type=Text)
    name: str = Field(sa_type=Text)
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("ledger.account.id"), nullable=False))
    opened_by: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_column=_instant(made=True))


class Loan(SQLModel, table=True):
    """A loan by the id that its scheme made, with the most that can be owed under it."""

    __tablename__ = "loan"
    __table_args__ = (UniqueConstraint("account_id", name="loan_account_id_key"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True, sa_type=postgresql.UUID)
    account_id: int = Field(sa_column=Column(BigInteger, ForeignKey("ledger.account.id"), nullable=False))
    principal: int = Field(sa_type=BigInteger)


class Proposal(SQLModel, table=True):
    """What one person asks to be posted; another decides."""

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("id", "proposed_by", name="proposal_id_proposed_by_key"), {"schema": SCHEMA})

    id: UUID = Field(primary_key=True, sa_type=postgresql.UUID)
    subject: str = Field(sa_type=Text, description="transfer, deposit, reversal or closing")
    fund: str | None = Field(default=None, sa_column=Column(Text, ForeignKey("ledger.fund.code")))
    posting: dict[str, Any] = Field(sa_column=Column(postgresql.JSONB, nullable=False))
    reason: str = Field(sa_type=Text)
    proposed_by: str = Field(sa_type=Text)
    proposed_at: datetime = Field(sa_column=_instant())


class ProposalDecision(SQLModel, table=True):
    """The one decision on a proposal, by somebody else than its proposer."""

    __tablename__ = "proposal_decision"
    __table_args__ = (
        ForeignKeyConstraint(["proposal_id", "proposed_by"], ["ledger.proposal.id", "ledger.proposal.proposed_by"]),
        UniqueConstraint("journal_id", name="proposal_decision_journal_id_key"),
        UniqueConstraint("closed_month", name="proposal_decision_closed_month_key"),
        CheckConstraint("decided_by <> proposed_by", name="proposal_decided_by_another"),
        {"schema": SCHEMA},
    )

    proposal_id: UUID = Field(primary_key=True, sa_type=postgresql.UUID)
    proposed_by: str = Field(sa_type=Text)
    decided_by: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    journal_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("ledger.journal.id")))
    closed_month: date | None = Field(default=None, sa_column=Column(Date, ForeignKey("ledger.period_close.month")))
    decided_at: datetime = Field(sa_column=_instant())


class PeriodClose(SQLModel, table=True):
    """A calendar month in which nothing more is posted; `sums` is what was credited in it, per asset."""

    __tablename__ = "period_close"
    __table_args__ = (
        ForeignKeyConstraint(["proposal_id", "proposed_by"], ["ledger.proposal.id", "ledger.proposal.proposed_by"]),
        UniqueConstraint("proposal_id", name="period_close_proposal_id_key"),
        CheckConstraint("closed_by <> proposed_by", name="period_closed_by_another"),
        {"schema": SCHEMA},
    )

    month: date = Field(primary_key=True, description="its first day")
    proposal_id: UUID = Field(sa_type=postgresql.UUID)
    proposed_by: str = Field(sa_type=Text)
    closed_by: str = Field(sa_type=Text)
    closed_at: datetime = Field(sa_column=_instant())
    block_number: int | None = Field(default=None, sa_type=BigInteger)
    journals: int = Field(sa_type=BigInteger)
    entries: int = Field(sa_type=BigInteger)
    sums: dict[str, Any] = Field(sa_column=Column(postgresql.JSONB, nullable=False))


class PeriodBalance(SQLModel, table=True):
    """All that was ever debited from and credited to one account by value date, at the end of a closed month."""

    __tablename__ = "period_balance"
    __table_args__ = (
        CheckConstraint("debit + credit > 0", name="period_balance_moved"),
        CheckConstraint("balance = credit - debit", name="period_balance_adds_up"),
        {"schema": SCHEMA},
    )

    month: date = Field(primary_key=True)
    account_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    debit: int = Field(sa_type=BigInteger)
    credit: int = Field(sa_type=BigInteger)
    balance: int = Field(sa_type=BigInteger)
