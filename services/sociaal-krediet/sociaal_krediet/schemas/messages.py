"""What borrowers are told, and the work that people are given."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from foundation.schemas import ApiModel, ApiOut, LongLine


class NoticeOut(ApiOut):
    """A message to the borrower, in words."""

    id: UUID
    kind: Literal["decision", "arrears", "settled", "scheduleChanged"]
    subject: str
    text: str
    application_id: UUID | None
    loan_id: UUID | None
    made_on: date
    read_at: datetime | None


class TaskOut(ApiOut):
    """Work for a person; `details` says what to do."""

    id: UUID
    application_id: UUID
    loan_id: UUID | None
    kind: Literal["arrearsHelper", "arrearsOfficer", "disbursementReturned", "bounceAboveReceipt", "refundFailed"]
    role: Literal["helper", "caseworker", "finance-maker"]
    subject: str | None
    due_on: date
    details: str
    state: Literal["open", "done"]
    done_by: str | None
    done_on: date | None
    outcome: str | None


class OutcomeIn(ApiModel):
    outcome: LongLine
