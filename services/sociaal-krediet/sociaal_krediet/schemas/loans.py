"""A loan as it stands and as it was, and what is received on it. Amounts in cents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from foundation.schemas import Amount, ApiModel, ApiOut, Day, Line
from sociaal_krediet.schemas.applications import CreditorOut, Months

Mode = Literal["shorten", "lower"]
InstalmentState = Literal["open", "paid"]
LoanState = Literal["active", "repaid", "remitted", "writtenOff"]


class ScheduleIn(ApiModel):
    amount: Amount
    months: Months
    first_due_on: Day


class DueOut(ApiOut):
    number: int
    due_on: date
    amount: int


class ScheduleOut(ApiOut):
    instalments: list[DueOut]


class InstalmentOut(ApiOut):
    """`open` until it is wholly paid; `days_late` counts from its due date."""

    number: int
    due_on: date
    amount: int
    paid: int
    state: InstalmentState
    days_late: int


class LoanSummaryOut(ApiOut):
    id: UUID
    number: int
    holder_id: str
    helper: str
    state: LoanState
    principal: int
    outstanding: int
    repaid: int
    remitted: int
    written_off: int
    opened_on: date
    days_late: int
    arrears: int


class LoanOut(LoanSummaryOut):
    """A loan as it stands; `booked_on` is absent until the wallet has posted its disbursement."""

    application_id: UUID
    product: str
    months: int
    first_due_on: date
    rf_reference: str
    early_mode: Mode
    schedule_version: int
    booked_on: date | None
    problem: str | None
    settled_on: date | None
    instalments: list[InstalmentOut]
    creditors: list[CreditorOut]


class RepaymentIn(ApiModel):
    amount: Amount
    received_on: Day
    reference: Line


class RepaymentOut(ApiOut):
    """What a receipt did: `counted` lowered the loan, `returned` was above the outstanding and goes back."""

    id: UUID
    amount: int
    counted: int
    returned: int
    outstanding: int
    state: LoanState


class EarlyRepaymentIn(ApiModel):
    amount: Amount
    mode: Mode = "shorten"


class PreviewOut(ApiOut):
    """The schedule as it would be."""

    outstanding: int
    mode: Mode | None = None
    instalments: list[InstalmentOut]
    needs_second_person: bool = False


class FactOut(ApiOut):
    """Something that happened to a loan."""

    id: UUID
    kind: str
    effective_on: date
    amount: int | None
    months: int | None
    from_on: date | None = Field(serialization_alias="from")
    mode: Mode | None
    receipt_id: UUID | None
    source: Literal["person", "bank", "stripe", "house"]
    reference: str | None
    reason: str | None
    recorded_by: str
    confirmed_by: str | None
    recorded_at: datetime


class VersionOut(ApiOut):
    """A schedule that was in force from `made_on` until the next."""

    version: int
    made_on: date
    fact_id: UUID | None
    instalments: list[DueOut]
