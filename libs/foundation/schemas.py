"""Base classes of what goes in and out over HTTP: camelCase outside, snake_case inside."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

MAX_AMOUNT = 10**15
"""More than any municipality has, far below what a bigint holds: an amount above it is a mistake."""

Amount = Annotated[int, Field(strict=True, ge=1, le=MAX_AMOUNT)]
"""An amount in a request: a whole number in the smallest unit, above 0."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_a_day(value: Any) -> Any:
    # A date would otherwise also be read from a number of seconds, or from an instant at midnight.
    if (isinstance(value, str) and not _DAY.fullmatch(value)) or isinstance(value, int | float):
        raise ValueError("schrijf een datum als 2026-10-01")
    return value


Day = Annotated[date, BeforeValidator(_as_a_day)]
"""A date in a request: `2026-10-01` and nothing else."""

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
