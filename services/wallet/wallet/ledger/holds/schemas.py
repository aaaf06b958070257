"""What goes in and out of holds over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from foundation.refusals import Refusal
from foundation.schemas import Amount, ApiModel, ApiOut, Day, Line
from wallet.ledger.postings import EUR, HoldRequest
from wallet.ledger.schemas import Address, AssetCode, Key, Kind, PostedOut

HoldState = Literal["open", "captured", "released", "expired"]

MAX_HOLDS = 200
"""The most holds in one request: their balances stay locked until the last of them is decided."""


class HoldIn(ApiModel):
    """An amount to set apart. The holder reads `purpose` as it is: ids and words, nothing about a person.

    With a `minimum` as much of the amount is set apart as is available, and at least that.
    """

    account: Address
    amount: Amount
    minimum: Amount | None = None
    asset: AssetCode = EUR
    purpose: Line
    expires_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _asks_no_more_at_least_than_at_most(self) -> Self:
        if self.minimum is not None and self.minimum > self.amount:
            raise ValueError("minimum is hoogstens amount")
        return self

    def request(self, hold_id: UUID) -> HoldRequest:
        return HoldRequest(hold_id, self.account, self.amount, self.asset)


class NamedHoldIn(HoldIn):
    """A hold under an id that the asker chose: a UUID that no other hold ever has."""

    id: UUID


class HoldsIn(ApiModel):
    """Holds to have, each by itself."""

    holds: Annotated[list[NamedHoldIn], Field(min_length=1, max_length=MAX_HOLDS)]


class HoldOut(ApiOut):
    """A hold; `amount` is what was set apart when it was opened."""

    id: UUID
    account: str
    amount: int
    remaining: int
    asset: str
    state: HoldState
    purpose: str
    opened_at: datetime
    opened_by: str
    expires_at: datetime | None
    closed_at: datetime | None


class WhyNotOut(ApiOut):
    """The rule that refused a hold."""

    code: str
    message: str


class HoldOutcomeOut(ApiOut):
    """What became of a hold that was asked for: one of `hold` and `refusal` is there."""

    id: UUID
    hold: HoldOut | None = None
    refusal: WhyNotOut | None = None

    @classmethod
    def of(cls, hold_id: UUID, outcome: HoldOut | Refusal) -> Self:
        if isinstance(outcome, Refusal):
            return cls(id=hold_id, refusal=WhyNotOut(code=outcome.errors[0].code, message=outcome.message))
        return cls(id=hold_id, hold=outcome)


class HoldOutcomesOut(ApiOut):
    """What became of each hold, in the order in which they were asked for."""

    items: list[HoldOutcomeOut]


class HoldEventOut(ApiOut):
    """One event of a hold; `remaining_after` is what was left of it.

    A capture names its journal, and its transfer too where the journal took from the hold once.
    """

    sequence: int
    kind: Literal["opened", "captured", "released", "expired"]
    amount: int
    remaining_after: int
    journal_id: str | None
    transfer_id: str | None
    actor: str
    recorded_at: datetime


class CaptureIn(ApiModel):
    """A part of the hold, or all that remains, on its way to an account.

    After a `final` one what remains is given back. `late` is as for transfers: booked on the first open day where the month
    of its value date is closed, and refused without it.
    """

    destination: Address
    amount: Amount
    kind: Kind = "capture"
    value_date: Day | None = None
    late: Literal["firstOpenDay"] | None = None
    final: bool = False
    grant_key: Key | None = None
    reference: Key | None = None
    explanation: Key | None = None


class CapturedOut(PostedOut):
    hold: HoldOut


class ReleaseIn(ApiModel):
    """Nothing to say: all that remains goes back."""
