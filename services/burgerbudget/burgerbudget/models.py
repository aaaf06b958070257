"""The tables of the burgerbudget; migrations make them, a test compares the two."""

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
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from foundation.file_work.models import FileImportBase, FileImportRowBase

SCHEMA = "burgerbudget"


def _instant(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)


def _args(*parts: Any) -> Any:
    return (*parts, {"schema": SCHEMA})


class Organisation(SQLModel, table=True):
    """An organisation that confirms hours, with its recognition (BB-2)."""

    __tablename__ = "organisation"
    __table_args__ = _args(CheckConstraint("status IN ('anbi', 'sbbi')", name="organisation_status_known"))

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    name: str = Field(sa_type=Text)
    rsin: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    recognised_from: date
    recognised_until: date | None = None
    pays_allowance: bool
    registered_by: str = Field(sa_type=Text)
    registered_at: datetime = _instant()


class Calendar(SQLModel, table=True):
    """One row: the quarter closed last, and the one being closed."""

    __tablename__ = "calendar"
    __table_args__ = _args(CheckConstraint("only_row", name="calendar_has_one_row"))

    only_row: bool = Field(primary_key=True, default=True)
    last_closed: str | None = Field(default=None, sa_type=Text)
    closing: str | None = Field(default=None, sa_type=Text)


class Participant(SQLModel, table=True):
    """Somebody who takes part; `granted` - `used` is what the budget holds, in cents."""

    __tablename__ = "participant"
    __table_args__ = _args(
        CheckConstraint("used BETWEEN 0 AND granted", name="participant_never_uses_more_than_granted"),
        CheckConstraint("granted - used <= 100000", name="participant_budget_below_ceiling"),
        Index("participant_not_started", "start_quarter", postgresql_where=text("NOT started")),
    )

    number: str = Field(primary_key=True, sa_type=Text)
    holder_id: str = Field(sa_type=Text, unique=True)
    regeling: str = Field(sa_type=Text)
    enrolled_on: date
    start_quarter: str = Field(sa_type=Text)
    receives_bijstand: bool
    status: str = Field(sa_type=Text)
    insufficient_quarters: int = Field(sa_type=SmallInteger)
    started: bool
    granted: int = Field(sa_type=BigInteger)
    used: int = Field(sa_type=BigInteger)
    last_message: UUID | None = Field(default=None, sa_type=PG_UUID)
    enrolled_by: str = Field(sa_type=Text)
    enrolled_at: datetime = _instant()


class ParticipationGap(SQLModel, table=True):
    """A stop at the close of a quarter, until the quarter of the restart (BB-6, BB-7)."""

    __tablename__ = "participation_gap"
    __table_args__ = _args(CheckConstraint("restarted_from > stopped_after", name="gap_goes_forwards"))

    participant_number: str = Field(primary_key=True, sa_type=Text)
    stopped_after: str = Field(primary_key=True, sa_type=Text)
    restarted_from: str | None = Field(default=None, sa_type=Text)
    recorded_by: str | None = Field(default=None, sa_type=Text)


class HoursImport(FileImportBase, table=True):
    """One file of hours, and how far it was worked through."""

    __tablename__ = "hours_import"
    __table_args__ = _args(
        CheckConstraint("state IN ('processing', 'imported', 'refused')", name="import_state_known"),
        Index("hours_import_unfinished", "received_at", postgresql_where=text("state = 'processing'")),
    )

    organisation_id: UUID = Field(sa_type=PG_UUID)


class HoursImportRow(FileImportRowBase, table=True):
    """One row of a file that was not accepted, with its reason."""

    __tablename__ = "hours_import_row"
    __table_args__ = _args(CheckConstraint("outcome IN ('known', 'refused')", name="import_row_outcome_known"))


class Hour(SQLModel, table=True):
    """One accepted report of hours worked, in quarter-hours; a correction is a new row that names the old."""

    __tablename__ = "hour"
    __table_args__ = _args(
        CheckConstraint("hours BETWEEN 0 AND 96 AND (hours > 0 OR corrects_id IS NOT NULL)", name="hour_in_range"),
        Index(
            "hour_external_id",
            "organisation_id",
            "external_id",
            unique=True,
            postgresql_where=text("corrects_id IS NULL"),
        ),
        Index("hour_corrected_once", "corrects_id", unique=True, postgresql_where=text("corrects_id IS NOT NULL")),
        Index("hour_of_participant", "participant_number", "id"),
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    organisation_id: UUID = Field(sa_type=PG_UUID)
    external_id: str = Field(sa_type=Text)
    participant_number: str = Field(sa_type=Text)
    worked_on: date
    hours: int = Field(sa_type=Integer)
    activity: str = Field(sa_type=Text)
    import_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    corrects_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    reason: str | None = Field(default=None, sa_type=Text)
    received_by: str = Field(sa_type=Text)
    received_at: datetime = _instant()


class ParticipantDay(SQLModel, table=True):
    """What one day of a participant holds over all organisations together, in quarter-hours (BB-2)."""

    __tablename__ = "participant_day"
    __table_args__ = _args(CheckConstraint("hours BETWEEN 0 AND 96", name="day_has_24_hours"))

    participant_number: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True)
    hours: int = Field(sa_type=Integer)


class ParticipantQuarter(SQLModel, table=True):
    """One quarter of a participant: hours in quarter-hours, amounts in cents."""

    __tablename__ = "participant_quarter"
    __table_args__ = _args(
        CheckConstraint("judgement IN ('open', 'sufficient', 'insufficient')", name="quarter_judgement_known")
    )

    participant_number: str = Field(primary_key=True, sa_type=Text)
    quarter: str = Field(primary_key=True, sa_type=Text)
    hours: int = Field(sa_type=Integer)
    mark: int = Field(sa_type=Integer)
    used: int = Field(sa_type=BigInteger)
    topped_up: int = Field(sa_type=BigInteger)
    judgement: str = Field(sa_type=Text)


class WaitingUse(SQLModel, table=True):
    """Accepted hours on which no use was decided yet, in order of receipt (BB-3)."""

    __tablename__ = "waiting_use"
    __table_args__ = _args(CheckConstraint("source_kind IN ('import', 'hour')", name="waiting_source_known"))

    sequence: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    participant_number: str = Field(primary_key=True, sa_type=Text)
    quarter: str = Field(primary_key=True, sa_type=Text)
    source_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    source_kind: str = Field(sa_type=Text)
    hours: int = Field(sa_type=Integer)


class Closing(SQLModel, table=True):
    """The close of one quarter: a job in phases that goes on where it was."""

    __tablename__ = "closing"
    __table_args__ = _args(CheckConstraint("participants = sufficient + insufficient", name="closing_counts_add_up"))

    quarter: str = Field(primary_key=True, sa_type=Text)
    phase: str = Field(sa_type=Text)
    cursor: str = Field(sa_type=Text)
    participants: int = Field(sa_type=BigInteger)
    sufficient: int = Field(sa_type=BigInteger)
    insufficient: int = Field(sa_type=BigInteger)
    stopped: int = Field(sa_type=BigInteger)
    topped_up: int = Field(sa_type=BigInteger)
    hold_id: str | None = Field(default=None, sa_type=Text)
    problem_code: str | None = Field(default=None, sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = _instant()
    closed_at: datetime | None = _instant(default=None)


class Decision(SQLModel, table=True):
    """One decision about one participant, with what it was based on: the way from a euro back to its hours."""

    __tablename__ = "decision"
    __table_args__ = _args(
        CheckConstraint(
            "kind IN ('start', 'use', 'top-up', 'insufficient', 'stop', 'reopening', 'restart')",
            name="decision_kind_known",
        ),
        CheckConstraint("amount >= 0", name="decision_amount_not_negative"),
        CheckConstraint("grant_key IS NOT NULL OR amount = 0", name="decision_without_a_key_pays_nothing"),
        Index("decision_of_participant", "participant_number", "id"),
        Index(
            "decision_taken_once",
            "participant_number",
            "quarter",
            "kind",
            unique=True,
            postgresql_where=text("grant_key IS NULL"),
        ),
        Index(
            "decision_to_post",
            "quarter",
            "participant_number",
            postgresql_where=text("kind = 'top-up' AND message_id IS NULL AND amount > 0"),
        ),
    )

    id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    kind: str = Field(sa_type=Text)
    participant_number: str = Field(sa_type=Text)
    quarter: str = Field(sa_type=Text)
    amount: int = Field(sa_type=BigInteger)
    hours: int = Field(sa_type=Integer)
    wage: int | None = Field(default=None, sa_type=BigInteger)
    budget_before: int = Field(sa_type=BigInteger)
    source_kind: str | None = Field(default=None, sa_type=Text)
    source_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    grant_key: str | None = Field(default=None, sa_type=Text, unique=True)
    message_id: UUID | None = Field(default=None, sa_type=PG_UUID)
    decided_on: date
    decided_at: datetime = _instant()


class Notice(SQLModel, table=True):
    """What tells a participant of a decision, until when one may object, and whether it was read (BB-4, Awb)."""

    __tablename__ = "notice"
    __table_args__ = _args(
        CheckConstraint("object_until > made_on", name="notice_leaves_time_to_object"),
    )

    participant_number: str = Field(primary_key=True, sa_type=Text)
    decision_id: UUID = Field(primary_key=True, sa_type=PG_UUID)
    made_on: date
    object_until: date
    read_at: datetime | None = _instant(default=None)
