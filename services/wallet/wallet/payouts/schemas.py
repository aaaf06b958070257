"""What goes in and out of the payouts over HTTP. Accounts go out masked; names go to those who pay and check."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from foundation.schemas import Amount, ApiModel, ApiOut, Day

MAX_HOLDERS = 100_000

BatchStateName = Literal["draft", "submitted", "approved", "sent", "settled", "withdrawn"]
LineStateName = Literal["drafted", "dropped", "held", "withdrawn", "sent", "settled", "rejected", "returned"]
OutcomeName = Literal["matched", "returned", "unknown", "repeated"]
HashHex = Annotated[str, StringConstraints(pattern=re.compile(r"^[0-9a-fA-F]{64}$"))]
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{4}$")]


class BatchIn(ApiModel):
    """A batch to draft: of every purse and every payable, or only of those of `holders` and `payees`."""

    purse: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    execute_on: Day
    holders: Annotated[list[UUID], Field(min_length=1, max_length=MAX_HOLDERS)] | None = None
    payees: Annotated[list[UUID], Field(min_length=1, max_length=MAX_HOLDERS)] | None = None


ExclusionName = Literal["blocked", "inOtherBatch", "nothingAvailable", "coolingOff", "noConfirmedIban"]


class ExcludedOut(ApiOut):
    holder: UUID
    reason: ExclusionName


class ExcludedPayeeOut(ApiOut):
    payee: UUID
    reason: ExclusionName


class DraftedOut(ApiOut):
    id: UUID
    number: int
    state: Literal["draft"]
    purse: str
    asset: str
    execute_on: date
    lines: int
    total: int
    excluded: list[ExcludedOut | ExcludedPayeeOut]


class SubmittedOut(ApiOut):
    """`dropped` lines could not be paid any more; the rest is held, and `content_hash` is what another approves."""

    id: UUID
    state: Literal["submitted"]
    content_hash: str
    lines: int
    total: int
    dropped: int
    approvals_needed: int


class ApprovalIn(ApiModel):
    content_hash: HashHex


class ApprovedOut(ApiOut):
    """`state` stays `submitted` while another approval is needed."""

    id: UUID
    state: Literal["submitted", "approved"]
    content_hash: str
    approvals: int
    approvals_needed: int


class SendingIn(ApiModel):
    channel: Literal["sepa"]


class SentOut(ApiOut):
    id: UUID
    state: Literal["sent"]
    channel: str
    message_id: str
    sha256: str
    lines: int
    total: int


class WithdrawnOut(ApiOut):
    id: UUID
    state: Literal["withdrawn"]


class ApprovalOut(ApiOut):
    approver: str
    approved_at: datetime


class EventOut(ApiOut):
    kind: str
    actor: str
    details: dict[str, Any]
    recorded_at: datetime


class LinesOfStateOut(ApiOut):
    state: LineStateName
    lines: int
    total: int


class BatchSummaryOut(ApiOut):
    id: UUID
    number: int
    purse: str
    asset: str
    execute_on: date
    state: BatchStateName
    lines: int
    total: int
    maker: str
    checker: str | None
    drafted_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None


class BatchOut(BatchSummaryOut):
    """A batch with everything that a finance page shows of it."""

    content_hash: str | None
    approvals_needed: int | None
    approvals: list[ApprovalOut]
    per_state: list[LinesOfStateOut]
    message_id: str
    file_sha256: str | None
    bank_status: str | None
    events: list[EventOut]


class LineOut(ApiOut):
    """A payment to a person (`holder`) or to a payee (`payee`), whose `reference` it carries where there is one."""

    id: UUID
    line_no: int | None
    holder: UUID | None
    payee: UUID | None
    name: str
    reference: str | None
    iban: str
    amount: int
    asset: str
    end_to_end_id: str
    state: LineStateName
    reason: str | None
    reason_text: str | None
    bank_status: str | None


class BankMessageOut(ApiOut):
    """A message of the bank and how many of its entries were matched, returned, unknown or repeated."""

    id: UUID
    kind: Literal["pain.002", "camt.053"]
    identification: str
    matched: int
    returned: int
    unknown: int
    repeated: int
    received_by: str
    received_at: datetime


class BankEntryOut(ApiOut):
    number: int
    level: Literal["group", "batch", "transaction"]
    direction: Literal["debit", "credit", "none"]
    amount: int | None
    currency: str | None
    status: str | None
    reason: str | None
    reason_text: str | None
    reference: str | None
    end_to_end_id: str | None
    booked_on: date | None
    outcome: OutcomeName
    note: str | None
    batch_id: UUID | None
    line_id: UUID | None
    payment_reference: str | None


class PlantedIn(ApiModel):
    """A payment that the stand-in bank gives back or turns down; named in one of four ways."""

    line_id: UUID | None = None
    end_to_end_id: Annotated[str, StringConstraints(max_length=35)] | None = None
    holder: UUID | None = None
    payee: UUID | None = None
    reason: ReasonCode = "AC04"

    @model_validator(mode="after")
    def _named_once(self) -> PlantedIn:
        if sum(name is not None for name in (self.line_id, self.end_to_end_id, self.holder, self.payee)) != 1:
            raise ValueError("noem één van lineId, endToEndId, holder en payee")
        return self


class StandInIn(ApiModel):
    batch_id: UUID
    returns: Annotated[list[PlantedIn], Field(max_length=10_000, default_factory=list)]
    rejects: Annotated[list[PlantedIn], Field(max_length=10_000, default_factory=list)]


class StandInReceiptIn(ApiModel):
    """What somebody paid to the municipality; the reference as it was typed, right or wrong."""

    reference: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 ]+$", max_length=35)]
    amount: Amount
    booked_on: Day | None = None
    unstructured: bool = False


class StandInStatementIn(ApiModel):
    """A statement of a batch's execution day, or of today where no batch is named; what came in stands on either."""

    batch_id: UUID | None = None
    returns: Annotated[list[PlantedIn], Field(max_length=10_000, default_factory=list)]
    rejects: Annotated[list[PlantedIn], Field(max_length=10_000, default_factory=list)]
    receipts: Annotated[list[StandInReceiptIn], Field(max_length=10_000, default_factory=list)]

    @model_validator(mode="after")
    def _of_something(self) -> StandInStatementIn:
        if self.batch_id is None and (self.returns or self.rejects or not self.receipts):
            raise ValueError("geef een batchId, of alleen receipts")
        return self
