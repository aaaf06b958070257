"""Pauses, lower instalments, remissions and write-offs, with their proposals (SK-7, SK-9). Amounts in cents."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from foundation.schemas import Amount, ApiModel, ApiOut, Day, LongLine
from sociaal_krediet.schemas.loans import InstalmentOut, Mode


class PauseIn(ApiModel):
    """Instalments from `from` on (today where it is left out) are due this many months later (SK-9)."""

    months: Annotated[int, Field(strict=True, ge=1, le=24)]
    from_on: Day | None = Field(default=None, alias="from")
    reason: LongLine


class RescheduleIn(ApiModel):
    """All that is unpaid is spread anew over this many months."""

    months: Annotated[int, Field(strict=True, ge=1, le=120)]
    reason: LongLine


class RemissionIn(ApiModel):
    """Turns what is outstanding, or a part of it, into a gift (SK-7)."""

    amount: Amount | None = None
    mode: Mode = "shorten"
    ground: Literal["counterPerformance", "hardship", "arrears", "other"] = "other"
    reason: LongLine


class WriteOffIn(ApiModel):
    amount: Amount | None = None
    reason: LongLine


class ReasonIn(ApiModel):
    reason: LongLine


class ChangedOut(ApiOut):
    """A change: carried out, or proposed until a second person confirms it; with the schedule that follows."""

    id: UUID
    state: Literal["proposed", "confirmed", "rejected"]
    outstanding: int
    instalments: list[InstalmentOut]


class ProposalOut(ApiOut):
    id: UUID
    kind: Literal["pause", "reschedule", "remission", "writeOff"]
    amount: int | None
    months: int | None
    from_on: date | None = Field(serialization_alias="from")
    mode: Mode | None
    ground: str | None
    reason: str
    state: Literal["proposed", "confirmed", "rejected"]
    proposed_by: str
    proposed_on: date
    decided_by: str | None
    rejection: str | None
