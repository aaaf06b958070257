"""The four ways side by side. Amounts in cents; null where the source has no figure."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from foundation.schemas import ApiModel, ApiOut


class ComparisonIn(ApiModel):
    """For how many people, and how long each of them calls in a month."""

    users: Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
    minutes_per_user_month: Annotated[int, Field(strict=True, ge=0, le=44_640)] | None = None


class OptionOut(ApiOut):
    """What one way costs."""

    product: str
    one_off: int | None
    yearly: int | None
    per_user_year: int | None
    one_off_per_user: int | None
    first_year_per_user: int | None
    minutes_for_ten_euro: int | None


class ComparisonOut(ApiOut):
    options: list[OptionOut]
