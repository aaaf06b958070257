"""Base classes of what goes in and out over HTTP: camelCase outside, snake_case inside."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

MAX_AMOUNT = 10**15
"""More than any municipality has, far below what a bigint holds: an amount above it is a mistake."""

Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]
"""An amount in a request: a whole number in the smallest unit, above 0."""

_NO_CONTROL = r"^[^\x00-\x1f\x7f]*$"
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140, pattern=_NO_CONTROL)]
"""One line of text that people wrote: 1 to 140 characters without control characters."""
LongLine = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=_NO_CONTROL)]


T = TypeVar("T", bound=BaseModel)


class ApiModel(BaseModel):
    """What comes in: unknown fields are refused, so that a misspelt field is never silently ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class ApiOut(BaseModel):
    """What goes out."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, from_attributes=True)


class PageOut(ApiOut, Generic[T]):
    """One page of a list; `next_cursor` is absent on the last."""

    items: list[T]
    next_cursor: str | None = None
