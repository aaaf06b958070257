"""Grounds, participants and what they have. Minutes and money, never a call."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from belkosten.rules.products import Product, Standing
from foundation.schemas import ApiModel, ApiOut, Day, Line, LongLine

HolderId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
GroundCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Organisation = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9._-]+$")]
"""Who a provider is, as its token names it."""


class Period(ApiModel):
    """From which day until which (included)."""

    from_: Day = Field(alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.until is not None and self.until < self.from_:
            raise ValueError("until ligt niet voor from")
        return self


class GroundIn(Period):
    """A ground of this municipality; one that proves itself needs no check by a caseworker."""

    code: GroundCode
    name: Line
    proves_itself: bool = False
    source: LongLine


class GroundOut(ApiOut):
    code: str
    name: str
    from_: date = Field(alias="from", validation_alias="valid_from")
    until: date | None = Field(validation_alias="valid_until")
    proves_itself: bool
    source: str


class EnrolmentIn(Period):
    """Who is to take part in what, from which day until which (included), on which ground."""

    holder_id: HolderId
    product: Product
    ground: GroundCode
    neighbourhood: Line | None = None
    provider: Organisation | None = None


class CheckIn(ApiModel):
    outcome: Literal["confirmed", "rejected"]
    reason: LongLine | None = None


class MoveIn(ApiModel):
    """To which product, from the first of which month; the ground stays as it is unless another is given."""

    product: Product
    from_: Day = Field(alias="from")
    ground: GroundCode | None = None
    provider: Organisation | None = None


class EndingIn(ApiModel):
    until: Day
    reason: LongLine | None = None


class ParticipationOut(ApiOut):
    """One product of a person, and how it stands today."""

    id: UUID
    product: Product
    ground: str
    from_: date = Field(alias="from")
    until: date | None
    state: Standing
    provider: str | None
    registered_on: date
    checked_on: date | None
    reason: str | None


class EnrolledOut(ApiOut):
    """Somebody's number with the product that this is about."""

    number: str
    holder_id: str
    product: Product
    ground: str
    from_: date = Field(alias="from")
    until: date | None
    state: Standing
    neighbourhood: str | None


class ParticipantSummaryOut(EnrolledOut):
    registered_on: date


class MonthCreditOut(ApiOut):
    """What this month gave, up to which ceiling."""

    month: str
    ceiling: int
    amount: int


class ParticipantOut(ApiOut):
    """A participant with the product of today, or the next; null where there is none.

    `credit_left` is what can be spent now; null where there is no purse, or the wallet does not answer.
    """

    number: str
    holder_id: str
    product: Product | None
    ground: str | None
    from_: date | None = Field(alias="from")
    until: date | None
    state: Standing
    neighbourhood: str | None
    participations: list[ParticipationOut]
    month_credit: MonthCreditOut | None
    credit_left: int | None
    minutes_left: int | None
    next_credit_on: date | None


class NoticeOut(ApiOut):
    """A message to the participant, in words."""

    id: UUID
    kind: Literal["admitted", "rejected", "moved", "ended"]
    subject: str
    text: str
    made_on: date
    object_until: date | None
    read_at: datetime | None
