"""Places with a telephone that may be used free of charge."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from belkosten.schemas.participants import Period
from foundation.schemas import ApiModel, ApiOut, Day, Line

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _as_a_clock(value: Any) -> Any:
    # A time would otherwise also be read from a number of seconds, or with a zone.
    if not isinstance(value, time) and not (isinstance(value, str) and _CLOCK.fullmatch(value)):
        raise ValueError("schrijf een tijd als 09:00")
    return value


Clock = Annotated[time, BeforeValidator(_as_a_clock)]
"""A local time: `09:00` and nothing else."""
ClockOut = Annotated[time, PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str)]


class OpeningIn(ApiModel):
    """When one can come in on a weekday (1 is Monday)."""

    weekday: Annotated[int, Field(strict=True, ge=1, le=7)]
    opens: Clock
    closes: Clock

    @model_validator(mode="after")
    def _in_order(self) -> OpeningIn:
        if self.closes <= self.opens:
            raise ValueError("closes ligt na opens")
        return self


class PlaceIn(Period):
    name: Line
    address: Line
    neighbourhood: Line | None = None
    closed_room: bool
    opening_hours: Annotated[list[OpeningIn], Field(min_length=1, max_length=50)]


class PlaceClosingIn(ApiModel):
    until: Day


class OpeningOut(ApiOut):
    weekday: int
    opens: ClockOut
    closes: ClockOut


class PlaceOut(ApiOut):
    """`closed_room`: one can speak there without being heard."""

    id: UUID
    name: str
    address: str
    neighbourhood: str | None
    closed_room: bool
    from_: date = Field(alias="from")
    until: date | None
    opening_hours: list[OpeningOut]
