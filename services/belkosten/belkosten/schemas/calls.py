"""The list of numbers, and what a provider asks before a call."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from belkosten.rules.numbers import FORM, Category, e164
from belkosten.rules.rating import CALL_ID, PARTICIPANT_NUMBER
from foundation.schemas import ApiModel, ApiOut, Day, Line


def _as_e164(written: str) -> str:
    number = e164(written)
    if number is None:
        # Pydantic's own words would repeat what was written.
        raise ValueError(FORM)
    return number


PhoneNumber = Annotated[str, StringConstraints(max_length=40), AfterValidator(_as_e164)]
"""A telephone number in a request, in the form in which numbers are compared."""


class NumberIn(ApiModel):
    """A number that may be called from a day on, with whose it is."""

    number: PhoneNumber
    organisation: Line
    category: Category
    first: Day = Field(alias="from")
    until: Day | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until is not None and self.until < self.first:
            raise ValueError("until ligt niet voor from")
        return self


class NumberEndIn(ApiModel):
    """Until when, this day included, a number may be called."""

    until: Day


class NumberOut(ApiOut):
    """A number that may be called, with whose it is and when."""

    id: UUID
    number: str
    organisation: str
    category: Category
    first: date = Field(validation_alias="valid_from", serialization_alias="from")
    until: date | None = Field(validation_alias="valid_until", serialization_alias="until")


class AuthorisationIn(ApiModel):
    """A call that somebody wants to make."""

    call_id: Annotated[str, StringConstraints(pattern=f"^{CALL_ID.pattern}$")]
    participant_number: Annotated[str, StringConstraints(pattern=f"^{PARTICIPANT_NUMBER.pattern}$")]
    called_number: PhoneNumber


class AuthorisationOut(ApiOut):
    """Whether a call may be made, and for how many seconds; `reason` where it may not."""

    allowed: bool
    max_seconds: int
    reason: str | None = None
