"""The tables of sociaal krediet; migrations make them, a test compares the two. Amounts in cents."""

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
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from foundation.notices.models import NoticeBase

SCHEMA = "sociaal_krediet"


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


def _number() -> Any:
    """Counted by the database."""
    return Field(default=None, sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))


def _refers(table: str, kind: Any = PG_UUID, *, key: bool = False, optional: bool = False) -> Any:
    column = Column(kind, ForeignKey(f"{SCHEMA}.{table}"), primary_key=key, nullable=optional)
    return Field(default=None, sa_column=column) if optional else Field(sa_column=column)


def _args(*parts: Any) -> Any:
    return (*parts, {"schema": SCHEMA})


def _id() -> Any:
    return Field(primary_key=True, sa_type=PG_UUID)


class Person(SQLModel, table=True):
    """Somebody of a household that applied; the row is the lock under which a cap is tested (SK-1)."""

    __tablename__ = "person"
    __table_args__ = _args()

    holder_id: str = Field(primary_key=True, sa_type=Text)


class Application(SQLModel, table=True):
    """What a helper asks for a resident (SK-6)."""

    __tablename__ = "application"
    __table_args__ = _args(
        UniqueConstraint("id", "applied_by", "amount", name="application_by"),
        CheckConstraint("amount > 0", name="application_amount_positive"),
        Index("application_open", "number", postgresql_where=text("state = 'submitted'")),
        Index("application_of_helper", "applied_by", "number"),
    )

    id: UUID = _id()
    number: int = _number()
    holder_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    months: int | None = Field(default=None, sa_type=SmallInteger)
    household_size: int = Field(sa_type=SmallInteger)
    acute_need: str = Field(sa_type=Text, repr=False)
    perspective: str = Field(sa_type=Text, repr=False)
    advice: str | None = Field(default=None, sa_type=Text, repr=False)
    consent_given_on: date
    state: str = Field(sa_type=Text)
    applied_by: str = Field(sa_type=Text)
    applied_on: date
    applied_at: datetime = _instant()


class HouseholdMember(SQLModel, table=True):
    """A known holder in the household of an application, the client included."""

    __tablename__ = "household_member"
    __table_args__ = _args()

    application_id: UUID = _refers("application.id", key=True)
    holder_id: str = _refers("person.holder_id", Text, key=True)


class Document(SQLModel, table=True):
    """Where a document is kept; never its content."""

    __tablename__ = "document"
    __table_args__ = _args()

    application_id: UUID = _refers("application.id", key=True)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    title: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)


class Creditor(SQLModel, table=True):
    """One line of what is paid out (SK-8), and how far it is; its IBAN is in the wallet, under the payee."""

    __tablename__ = "creditor"
    __table_args__ = _args(CheckConstraint("amount > 0", name="creditor_amount_positive"))

    application_id: UUID = _refers("application.id", key=True)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    payee_id: UUID = Field(sa_type=PG_UUID, unique=True)
    iban_id: UUID = Field(sa_type=PG_UUID)
    name: str = Field(sa_type=Text)
    reference: str | None = Field(default=None, sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    state: str = Field(sa_type=Text)
    bank_reason: str | None = Field(default=None, sa_type=Text)
    changed_on: date | None = None


class Decision(SQLModel, table=True):
    """What an officer decided on an application (SK-7), with the cap as it was reckoned."""

    __tablename__ = "decision"
    __table_args__ = _args(
        UniqueConstraint("id", "application_id", "amount", name="decision_for"),
        ForeignKeyConstraint(
            ["application_id", "applied_by", "amount"],
            [f"{SCHEMA}.application.id", f"{SCHEMA}.application.applied_by", f"{SCHEMA}.application.amount"],
            name="decision_of_applicant",
        ),
        CheckConstraint("decided_by <> applied_by", name="decision_by_another"),
        CheckConstraint("outcome = 'refused' OR outstanding + amount <= cap", name="decision_below_cap"),
    )

    id: UUID = _id()
    application_id: UUID = Field(sa_type=PG_UUID, unique=True)
    applied_by: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    product: str | None = Field(default=None, sa_type=Text)
    legal_basis: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text, repr=False)
    amount: int = Field(sa_type=BigInteger)
    cap: int = Field(sa_type=BigInteger)
    outstanding: int = Field(sa_type=BigInteger)
    decided_by: str = Field(sa_type=Text)
    decided_on: date
    decided_at: datetime = _instant()
    object_until: date


class Loan(SQLModel, table=True):
    """A loan and what the replay of its facts comes to."""

    __tablename__ = "loan"
    __table_args__ = _args(
        ForeignKeyConstraint(
            ["decision_id", "application_id", "principal"],
            [f"{SCHEMA}.decision.id", f"{SCHEMA}.decision.application_id", f"{SCHEMA}.decision.amount"],
            name="loan_of_decision",
        ),
        CheckConstraint("principal = repaid + outstanding + remitted + written_off", name="loan_adds_up"),
        Index("loan_of_holder", "holder_id"),
        Index("loan_of_helper", "helper", "number"),
    )

    id: UUID = _id()
    number: int = Field(sa_type=BigInteger, unique=True)
    decision_id: UUID = Field(sa_type=PG_UUID, unique=True)
    application_id: UUID = Field(sa_type=PG_UUID)
    holder_id: str = _refers("person.holder_id", Text)
    helper: str = Field(sa_type=Text)
    product: str = Field(sa_type=Text)
    rf_reference: str = Field(sa_type=Text, unique=True)
    principal: int = Field(sa_type=BigInteger)
    months: int = Field(sa_type=SmallInteger)
    first_due_on: date
    opened_on: date
    state: str = Field(sa_type=Text)
    repaid: int = Field(sa_type=BigInteger)
    outstanding: int = Field(sa_type=BigInteger)
    remitted: int = Field(sa_type=BigInteger)
    written_off: int = Field(sa_type=BigInteger)
    early_mode: str = Field(sa_type=Text)
    schedule_version: int = Field(sa_type=Integer)
    booked_on: date | None = None
    problem_code: str | None = Field(default=None, sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)
    last_message: UUID | None = Field(default=None, sa_type=PG_UUID)
    settled_on: date | None = None


class Gift(SQLModel, table=True):
    """Money that is not asked back (SK-7)."""

    __tablename__ = "gift"
    __table_args__ = _args(
        ForeignKeyConstraint(
            ["decision_id", "application_id", "amount"],
            [f"{SCHEMA}.decision.id", f"{SCHEMA}.decision.application_id", f"{SCHEMA}.decision.amount"],
            name="gift_of_decision",
        ),
    )

    id: UUID = _id()
    decision_id: UUID = Field(sa_type=PG_UUID, unique=True)
    application_id: UUID = Field(sa_type=PG_UUID)
    holder_id: str = _refers("person.holder_id", Text)
    amount: int = Field(sa_type=BigInteger)
    given_on: date
    booked_on: date | None = None
    problem_code: str | None = Field(default=None, sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)


class Fact(SQLModel, table=True):
    """Something that happened to a loan; `source` and `source_id` keep it from being written down twice."""

    __tablename__ = "fact"
    __table_args__ = _args(
        UniqueConstraint("source", "source_id", name="fact_once"),
        CheckConstraint("confirmed_by <> recorded_by", name="fact_confirmed_by_another"),
        Index("fact_of_loan", "loan_id"),
    )

    id: UUID = _id()
    loan_id: UUID = _refers("loan.id")
    kind: str = Field(sa_type=Text)
    effective_on: date
    effective_at: datetime = _instant()
    amount: int | None = Field(default=None, sa_type=BigInteger)
    months: int | None = Field(default=None, sa_type=SmallInteger)
    from_on: date | None = None
    mode: str | None = Field(default=None, sa_type=Text)
    receipt_id: UUID | None = _refers("fact.id", optional=True)
    source: str = Field(sa_type=Text)
    source_id: str = Field(sa_type=Text)
    reference: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    recorded_by: str = Field(sa_type=Text)
    confirmed_by: str | None = Field(default=None, sa_type=Text)
    recorded_at: datetime = _instant()


class ScheduleVersion(SQLModel, table=True):
    """A schedule that was in force from then on, and the fact that brought it."""

    __tablename__ = "schedule_version"
    __table_args__ = _args()

    loan_id: UUID = _refers("loan.id", key=True)
    version: int = Field(primary_key=True, sa_type=Integer)
    fact_id: UUID | None = _refers("fact.id", optional=True)
    made_on: date
    made_at: datetime = _instant()


class ScheduleLine(SQLModel, table=True):
    """One instalment of one version."""

    __tablename__ = "schedule_line"
    __table_args__ = _args(
        ForeignKeyConstraint(
            ["loan_id", "version"],
            [f"{SCHEMA}.schedule_version.loan_id", f"{SCHEMA}.schedule_version.version"],
            name="line_of_version",
        )
    )

    loan_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    version: int = Field(primary_key=True, sa_type=Integer)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    due_on: date
    amount: int = Field(sa_type=BigInteger)


class OpenInstalment(SQLModel, table=True):
    """An instalment in force that is not wholly paid."""

    __tablename__ = "open_instalment"
    __table_args__ = _args(Index("open_instalment_due", "due_on"))

    loan_id: UUID = _refers("loan.id", key=True)
    number: int = Field(primary_key=True, sa_type=SmallInteger)
    due_on: date
    amount: int = Field(sa_type=BigInteger)
    paid: int = Field(sa_type=BigInteger)


class Booking(SQLModel, table=True):
    """A posting that the wallet was asked for."""

    __tablename__ = "booking"
    __table_args__ = _args(Index("booking_of_loan", "loan_id"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    loan_id: UUID = _refers("loan.id")
    fact_id: UUID | None = _refers("fact.id", optional=True)
    kind: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    repaid: int = Field(sa_type=BigInteger)
    grant_key: str = Field(sa_type=Text, unique=True)
    message_id: UUID = Field(sa_type=PG_UUID)
    booked_on: date


class Proposal(SQLModel, table=True):
    """An act that waits for a second person (SK-7, SK-9)."""

    __tablename__ = "proposal"
    __table_args__ = _args(
        CheckConstraint("state <> 'confirmed' OR decided_by <> proposed_by", name="proposal_confirmed_by_another"),
        Index("proposal_open", "loan_id", postgresql_where=text("state = 'proposed'")),
    )

    id: UUID = _id()
    loan_id: UUID = _refers("loan.id")
    kind: str = Field(sa_type=Text)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    months: int | None = Field(default=None, sa_type=SmallInteger)
    from_on: date | None = None
    mode: str | None = Field(default=None, sa_type=Text)
    ground: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    proposed_by: str = Field(sa_type=Text)
    proposed_on: date
    proposed_at: datetime = _instant()
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = _instant(default=None)
    rejection: str | None = Field(default=None, sa_type=Text)


class Task(SQLModel, table=True):
    """Work for a person, on a date (SK-10)."""

    __tablename__ = "task"
    __table_args__ = _args(
        UniqueConstraint("application_id", "kind", "about", name="task_once"),
        Index("task_open", "role", "due_on", postgresql_where=text("state = 'open'")),
    )

    id: UUID = _id()
    application_id: UUID = _refers("application.id")
    loan_id: UUID | None = _refers("loan.id", optional=True)
    kind: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    subject: str | None = Field(default=None, sa_type=Text)
    about: str = Field(sa_type=Text)
    due_on: date
    details: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    made_at: datetime = _instant()
    done_by: str | None = Field(default=None, sa_type=Text)
    done_on: date | None = None
    done_at: datetime | None = _instant(default=None)
    outcome: str | None = Field(default=None, sa_type=Text)


class Notice(NoticeBase, table=True):
    """A message to the borrower; its words are made when it is read."""

    __tablename__ = "notice"
    __table_args__ = _args(
        UniqueConstraint("kind", "about", name="notice_once"), Index("notice_of_holder", "holder_id", "made_at")
    )

    holder_id: str = _refers("person.holder_id", Text)
    application_id: UUID | None = _refers("application.id", optional=True)
    loan_id: UUID | None = _refers("loan.id", optional=True)
