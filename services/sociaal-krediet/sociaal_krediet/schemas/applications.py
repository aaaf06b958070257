"""What is asked for a resident and decided on it. Amounts in cents; an IBAN comes in and never goes out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from foundation.schemas import Amount, ApiModel, ApiOut, Day, Line

HolderId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
Months = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)]
"""Any whole number: which of them is a term is for the rules to say (SK-2)."""
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
MAX_CREDITORS = 50
MAX_MEMBERS = 30


class HouseholdIn(ApiModel):
    """`size` counts everybody, children too; `members` are those of them who are known here, the client included."""

    size: Annotated[int, Field(strict=True, ge=1, le=MAX_MEMBERS)]
    members: Annotated[list[HolderId], Field(max_length=MAX_MEMBERS)]


class CreditorIn(ApiModel):
    name: Line
    iban: Annotated[SecretStr, Field(min_length=1, max_length=64)]
    reference: Line
    amount: Amount


class DocumentIn(ApiModel):
    """Where a document can be found: its content stays in the municipality's archive."""

    title: Line
    reference: Line


class ApplicationIn(ApiModel):
    """What a helper asks for a resident (SK-6, SK-8)."""

    holder_id: HolderId
    household: HouseholdIn
    kind: Literal["loan", "gift"]
    amount: Amount
    months: Months | None = None
    acute_need: Text
    perspective: Text
    advice: Text | None = None
    consent_given_on: Day
    creditors: Annotated[list[CreditorIn], Field(max_length=MAX_CREDITORS)]
    documents: Annotated[list[DocumentIn], Field(max_length=50)] = Field(default_factory=list)


class CreditorDraft(ApiModel):
    name: Line | None = None
    iban: Annotated[SecretStr, Field(max_length=64)] | None = None
    reference: Line | None = None
    amount: Amount | None = None


class HouseholdDraft(ApiModel):
    size: Annotated[int, Field(strict=True, ge=1, le=MAX_MEMBERS)] | None = None
    members: Annotated[list[HolderId], Field(max_length=MAX_MEMBERS)] = Field(default_factory=list)


class DraftIn(ApiModel):
    """An application that is being filled in: every field may still be missing."""

    holder_id: HolderId | None = None
    household: HouseholdDraft | None = None
    kind: Literal["loan", "gift"] | None = None
    amount: Amount | None = None
    months: Months | None = None
    acute_need: Text | None = None
    perspective: Text | None = None
    advice: Text | None = None
    consent_given_on: Day | None = None
    creditors: Annotated[list[CreditorDraft], Field(max_length=MAX_CREDITORS)] = Field(default_factory=list)
    documents: Annotated[list[DocumentIn], Field(max_length=50)] = Field(default_factory=list)


class MissingOut(ApiOut):
    pointer: str
    message: str


class CapOut(ApiOut):
    """The most that this household may have outstanding, what it has, and the room left."""

    cap: int
    outstanding: int
    room: int


class CheckedOut(ApiOut):
    """How complete a draft is; `cap` is there as soon as the household is known."""

    complete: bool
    missing: list[MissingOut]
    cap: CapOut | None
    instalment: int | None


class SubmittedOut(ApiOut):
    id: UUID
    number: int
    state: Literal["submitted"] = "submitted"


class CreditorOut(ApiOut):
    """One line that is paid out: `owed` until a payout batch takes it, `returned` when the bank gave it back."""

    number: int
    payee_id: UUID
    name: str
    reference: str | None
    amount: int
    state: Literal["asked", "owed", "sent", "settled", "returned", "rejected"]
    bank_reason: str | None
    changed_on: date | None


class DocumentOut(ApiOut):
    title: str
    reference: str


class DecisionOut(ApiOut):
    """A decision with what the resident is told of it."""

    id: UUID
    outcome: Literal["loan", "gift", "refused"]
    product: str | None
    legal_basis: str | None
    reason: str
    decided_by: str
    decided_on: date
    object_until: date
    letter: str


class ApplicationSummaryOut(ApiOut):
    id: UUID
    number: int
    holder_id: str
    kind: Literal["loan", "gift"]
    amount: int
    months: int | None
    state: Literal["submitted", "decided", "withdrawn"]
    applied_by: str
    applied_on: date


class ApplicationOut(ApplicationSummaryOut):
    household_size: int
    members: list[str]
    acute_need: str
    perspective: str
    advice: str | None
    consent_given_on: date
    cap: CapOut
    creditors: list[CreditorOut]
    documents: list[DocumentOut]
    decision: DecisionOut | None
    loan_id: UUID | None
    gift_id: UUID | None


class DecisionIn(ApiModel):
    """What an officer decides (SK-7, SK-11); `first_due_on` of a loan is a month later where it is left out."""

    outcome: Literal["loan", "gift", "refused"]
    product: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    reason: Text
    months: Months | None = None
    first_due_on: Day | None = None


class DecidedOut(ApiOut):
    id: UUID
    outcome: Literal["loan", "gift", "refused"]
    loan_id: UUID | None = None
    gift_id: UUID | None = None
    object_until: date


class WithdrawnOut(ApiOut):
    id: UUID
    state: Literal["withdrawn"] = "withdrawn"


class GiftOut(ApiOut):
    id: UUID
    holder_id: str
    amount: int
    given_on: date
    booked_on: date | None
    problem: str | None
    creditors: list[CreditorOut]
