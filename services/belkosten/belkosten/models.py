"""The tables of belkosten; migrations make them, a test compares the two. Amounts in cents, months as their first day."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    Time,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from foundation.file_work import FileImportBase, FileImportRowBase
from foundation.notices.models import NoticeBase

SCHEMA = "belkosten"


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


def _refers(column: str, kind: Any = PG_UUID, *, key: bool = False, optional: bool = False) -> Any:
    made = Column(kind, ForeignKey(f"{SCHEMA}.{column}"), primary_key=key, nullable=optional)
    return Field(default=None, sa_column=made) if optional else Field(sa_column=made)


def _args(*parts: Any) -> Any:
    return (*parts, {"schema": SCHEMA})


def _id() -> Any:
    return Field(primary_key=True, sa_type=PG_UUID)


def _text(**options: Any) -> Any:
    return Field(sa_type=Text, **options)


class Ground(SQLModel, table=True):
    """On what ground somebody may take part; one that proves itself needs no check by a caseworker."""

    __tablename__ = "ground"
    __table_args__ = _args(CheckConstraint("valid_until >= valid_from", name="ground_period"))

    code: str = Field(primary_key=True, sa_type=Text)
    name: str = _text()
    proves_itself: bool
    valid_from: date
    valid_until: date | None = None
    source: str = _text()
    added_by: str = _text()
    added_at: datetime = _instant()


class Participant(SQLModel, table=True):
    """Somebody who takes or took part; the row is the lock under which their participations are changed."""

    __tablename__ = "participant"
    __table_args__ = _args()

    number: str = Field(
        default=None,
        sa_column=Column(
            Text, primary_key=True, server_default=text("(nextval('belkosten.participant_number'))::text")
        ),
    )
    holder_id: str = _text(unique=True)
    neighbourhood: str | None = _text(default=None)
    registered_by: str = _text()
    registered_at: datetime = _instant()


class Participation(SQLModel, table=True):
    """One product of one person, from a day until a day (included)."""

    __tablename__ = "participation"
    __table_args__ = _args(
        CheckConstraint("NOT by_person OR checked_by <> registered_by", name="participation_checked_by_another"),
        Index("participation_of_participant", "participant_number", "starts_on"),
        Index("participation_requested", "id", postgresql_where=text("state = 'requested'")),
        Index("participation_running", "product", "id", postgresql_where=text("state = 'confirmed'")),
        Index("participation_due", "product", "due_on", postgresql_where=text("due_on IS NOT NULL")),
        Index("participation_to_return", "ends_on", postgresql_where=text("NOT returned AND ends_on IS NOT NULL")),
    )

    id: UUID = _id()
    participant_number: str = _refers("participant.number", Text)
    product: str = _text()
    ground: str = _refers("ground.code", Text)
    provider: str | None = _text(default=None)
    starts_on: date
    ends_on: date | None = None
    state: str = _text()
    registered_by: str = _text()
    by_person: bool
    registered_on: date
    registered_at: datetime = _instant()
    checked_by: str | None = _text(default=None)
    checked_on: date | None = None
    reason: str | None = _text(default=None)
    returned: bool
    due_on: date | None = None
    moved_from: UUID | None = _refers("participation.id", optional=True)


class Credit(SQLModel, table=True):
    """What a month gave: up to the ceiling."""

    __tablename__ = "credit"
    __table_args__ = _args(
        CheckConstraint("amount = greatest(0, ceiling - balance_before)", name="credit_up_to_ceiling"),
        Index("credit_of_month", "month"),
        Index("credit_under_way", "participant_number", postgresql_where=text("booked_on IS NULL")),
        Index("credit_of_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )

    participant_number: str = _refers("participant.number", Text, key=True)
    month: date = Field(primary_key=True)
    participation_id: UUID = _refers("participation.id")
    amount: int = Field(sa_type=BigInteger)
    ceiling: int = Field(sa_type=BigInteger)
    balance_before: int = Field(sa_type=BigInteger)
    credited_on: date
    message_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    booked_on: date | None = None


class CreditReturn(SQLModel, table=True):
    """What went back to the fund after a product ended; the amount is known when the wallet booked it."""

    __tablename__ = "credit_return"
    __table_args__ = _args()

    participation_id: UUID = _refers("participation.id", key=True)
    nth: int = Field(primary_key=True, sa_type=SmallInteger)
    amount: int | None = Field(default=None, sa_type=BigInteger)
    message_id: UUID = Field(sa_type=PG_UUID)
    asked_on: date
    booked_on: date | None = None


class SimMonth(SQLModel, table=True):
    """One calendar month of somebody's SIM card, paid to its provider."""

    __tablename__ = "sim_month"
    __table_args__ = _args(
        Index("sim_month_waiting", "month", postgresql_where=text("message_id IS NULL")),
        Index("sim_month_of_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
    )

    participant_number: str = _refers("participant.number", Text, key=True)
    month: date = Field(primary_key=True)
    participation_id: UUID = _refers("participation.id")
    provider: str | None = _text(default=None)
    fee: int = Field(sa_type=BigInteger)
    charged_on: date
    message_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    booked_on: date | None = None


class Provider(SQLModel, table=True):
    """Who is paid, by the organisation in its token; the IBAN is in the wallet, under the payee."""

    __tablename__ = "provider"
    __table_args__ = _args()

    organisation: str = Field(primary_key=True, sa_type=Text)
    name: str = _text()
    offers: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    payee_id: UUID = Field(sa_type=PG_UUID, unique=True)
    iban_id: UUID = Field(sa_type=PG_UUID)
    registered_by: str = _text()
    registered_at: datetime = _instant()


class Purchase(SQLModel, table=True):
    """Call credit that somebody bought with their purse: asked of the wallet, then booked or refused."""

    __tablename__ = "purchase"
    __table_args__ = _args(
        UniqueConstraint("seller", "purchase_id", name="purchase_once"),
        Index("purchase_of_participant", "participant_number", "id"),
        Index("purchase_asked", "bought_at", postgresql_where=text("state = 'asked'")),
    )

    id: UUID = _id()
    seller: str = _refers("provider.organisation", Text)
    purchase_id: str = _text()
    participant_number: str = _refers("participant.number", Text)
    amount: int = Field(sa_type=BigInteger)
    state: str = _text()
    transfer_id: str | None = _text(default=None)
    problem_code: str | None = _text(default=None)
    available: int | None = Field(default=None, sa_type=BigInteger)
    bought_on: date
    bought_at: datetime = _instant()


class PhonePlace(SQLModel, table=True):
    """Where a telephone stands that may be used free of charge."""

    __tablename__ = "phone_place"
    __table_args__ = _args()

    id: UUID = _id()
    name: str = _text()
    address: str = _text()
    neighbourhood: str | None = _text(default=None)
    closed_room: bool
    valid_from: date
    valid_until: date | None = None
    registered_by: str = _text()
    registered_at: datetime = _instant()


class OpeningHours(SQLModel, table=True):
    """When one can come in, on one weekday (1 is Monday)."""

    __tablename__ = "opening_hours"
    __table_args__ = _args()

    place_id: UUID = _refers("phone_place.id", key=True)
    weekday: int = Field(primary_key=True, sa_type=SmallInteger)
    opens: time = Field(primary_key=True, sa_type=Time)
    closes: time = Field(sa_type=Time)


class Notice(NoticeBase, table=True):
    """A message to a participant; its words are made when it is read."""

    __tablename__ = "notice"
    __table_args__ = _args(
        UniqueConstraint("kind", "about", name="notice_once"), Index("notice_of_holder", "holder_id", "id")
    )

    participation_id: UUID = _refers("participation.id")
    object_until: date | None = None


class ApprovedNumber(SQLModel, table=True):
    """A number that may be called, with whose it is."""

    __tablename__ = "approved_number"
    __table_args__ = _args(Index("approved_number_by_number", "number", "valid_from"))

    id: UUID = _id()
    number: str = _text()
    organisation: str = _text()
    category: str = _text()
    valid_from: date
    valid_until: date | None = None
    registered_by: str = _text()
    registered_at: datetime = _instant()


class Authorisation(SQLModel, table=True):
    """The answer to a provider that asked before a call, and what was set apart for it."""

    __tablename__ = "authorisation"
    __table_args__ = _args(
        CheckConstraint("allowed = (reason IS NULL)", name="authorisation_reason_when_refused"),
    )

    provider: str = Field(primary_key=True, sa_type=Text)
    call_id: str = Field(primary_key=True, sa_type=Text)
    participant_number: str = _text()
    approved_number_id: UUID | None = _refers("approved_number.id", optional=True)
    allowed: bool
    reason: str | None = _text(default=None)
    max_seconds: int = Field(sa_type=Integer)
    tariff: int | None = Field(default=None, sa_type=Integer)
    hold_id: str | None = _text(default=None)
    hold_account: str | None = _text(default=None)
    held: int = Field(sa_type=BigInteger)
    asked_on: date
    asked_at: datetime = _instant()


class FileImport(FileImportBase, table=True):
    """One file of call records, numbers or invoice lines, and how far it was worked through."""

    __tablename__ = "file_import"
    __table_args__ = _args(
        CheckConstraint("kind IN ('callRecords', 'numbers', 'invoice')", name="file_import_kind_known"),
        CheckConstraint("state IN ('processing', 'imported', 'refused')", name="file_import_state_known"),
        Index("file_import_unfinished", "received_at", postgresql_where=text("state = 'processing'")),
    )

    kind: str = _text()
    sender: str = _text()


class FileImportRow(FileImportRowBase, table=True):
    """One row of a file that was not accepted, with its reason."""

    __tablename__ = "file_import_row"
    __table_args__ = _args(
        CheckConstraint("outcome IN ('known', 'refused')", name="file_import_row_outcome_known"),
        CheckConstraint("(outcome = 'refused') = (code IS NOT NULL)", name="file_import_row_refused_with_code"),
    )


class Call(SQLModel, table=True):
    """One call as its record tells it, rated; together `from_hold` and `from_fund` are its cost."""

    __tablename__ = "call"
    __table_args__ = _args(
        UniqueConstraint("provider", "call_id", name="call_once"),
        Index("call_of_month", "called_on"),
        Index("call_of_participant", "participant_number", "called_on"),
        Index("call_waiting", "rated_at", postgresql_where=text("state = 'waiting'")),
    )

    id: UUID = _id()
    provider: str = _text()
    call_id: str = _text()
    participant_number: str = _text()
    started_at: datetime = _instant()
    called_on: date
    seconds: int = Field(sa_type=Integer)
    outcome: str = _text()
    approved_number_id: UUID | None = _refers("approved_number.id", optional=True)
    tariff: int | None = Field(default=None, sa_type=Integer)
    billable_seconds: int = Field(sa_type=Integer)
    cost: int = Field(sa_type=BigInteger)
    state: str = _text()
    from_hold: int | None = Field(default=None, sa_type=BigInteger)
    from_fund: int | None = Field(default=None, sa_type=BigInteger)
    message_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    settled_on: date | None = None
    import_id: UUID = _refers("file_import.id")
    rated_on: date
    rated_at: datetime = _instant()


class Invoice(SQLModel, table=True):
    """A provider's bill; its id is that of the file it came in."""

    __tablename__ = "invoice"
    __table_args__ = _args(
        Index("invoice_of_provider", "provider", "id"),
        Index("invoice_unsent", "id", postgresql_where=text("message_id IS NULL AND approved_total > 0")),
    )

    id: UUID = _refers("file_import.id", key=True)
    provider: str = _text()
    sha256: bytes = Field(sa_type=LargeBinary)
    lines: int = Field(sa_type=BigInteger)
    matched: int = Field(sa_type=BigInteger)
    approved_total: int = Field(sa_type=BigInteger)
    message_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    booked_on: date | None = None
    problem_code: str | None = _text(default=None)
    problem: str | None = _text(default=None)
    received_on: date


class InvoiceLine(SQLModel, table=True):
    """One line of a bill with what the check found; `difference` is what it asks more than is right."""

    __tablename__ = "invoice_line"
    __table_args__ = _args(
        Index("invoice_line_pays_a_call_once", "call", unique=True, postgresql_where=text("code = 'matched'")),
        Index("invoice_line_of_call_id", "invoice_id", "call_id"),
        Index("invoice_line_of_call", "call", postgresql_where=text("call IS NOT NULL")),
        Index("invoice_line_differs", "invoice_id", "row", postgresql_where=text("code <> 'matched'")),
    )

    invoice_id: UUID = _refers("invoice.id", key=True)
    row: int = Field(primary_key=True, sa_type=BigInteger)
    call_id: str = _text()
    participant_number: str = _text()
    started_at: datetime = _instant()
    seconds: int = Field(sa_type=Integer)
    amount: int = Field(sa_type=BigInteger)
    call: UUID | None = _refers("call.id", optional=True)
    code: str = _text()
    difference: int = Field(sa_type=BigInteger)
