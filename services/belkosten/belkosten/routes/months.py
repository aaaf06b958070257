"""A month as it is asked for: `2026-10`."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from foundation.periods import Month
from foundation.refusals import BadRequest


def month_of(text: str) -> Month:
    """Read a month from a path or a query. Raises `BadRequest`."""
    try:
        return Month.parse(text)
    except ValueError as error:
        raise BadRequest("Schrijf een maand als 2026-10.", pointer="month") from error


def _month(month: Annotated[str, Query(description="A calendar month, such as 2026-10.")]) -> Month:
    return month_of(month)


MonthParam = Annotated[Month, Depends(_month)]
"""The month of a report: `?month=2026-10`."""
