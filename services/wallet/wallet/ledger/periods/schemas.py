"""What goes in and out about periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from foundation.periods import Month
from foundation.schemas import ApiModel, ApiOut, LongLine
from wallet.ledger.models import PeriodClose, Proposal


class ClosingIn(ApiModel):
    reason: LongLine | None = None


class ClosingProposalOut(ApiOut):
    """Somebody asks to close the month; nobody decided yet."""

    id: UUID
    proposed_by: str
    proposed_at: datetime
    reason: str


class PeriodOut(ApiOut):
    """A calendar month; what is counted when it closes is null while it is open.

    `sums` is what was credited in it, per asset; `block_number` the block under which all of it is sealed.
    """

    month: str
    state: Literal["open", "closed"]
    journals: int
    entries: int | None = None
    sums: dict[str, int] | None = None
    block_number: int | None = None
    proposed_by: str | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None

    @classmethod
    def open(cls, month: Month, journals: int) -> Self:
        return cls(month=str(month), state="open", journals=journals)

    @classmethod
    def passed_over(cls, month: Month) -> Self:
        """A month without journals that a later close has closed too."""
        return cls(month=str(month), state="closed", journals=0)

    @classmethod
    def closed(cls, close: PeriodClose) -> Self:
        return cls(
            month=str(Month.of(close.month)),
            state="closed",
            journals=close.journals,
            entries=close.entries,
            sums=close.sums,
            block_number=close.block_number,
            proposed_by=close.proposed_by,
            closed_by=close.closed_by,
            closed_at=close.closed_at,
        )


class OnePeriodOut(PeriodOut):
    """A month with the proposals to close it that wait for somebody."""

    proposals: list[ClosingProposalOut]

    @classmethod
    def of(cls, period: PeriodOut, waiting: Sequence[Proposal]) -> Self:
        proposals = [ClosingProposalOut.model_validate(each) for each in waiting]
        return cls(**period.model_dump(), proposals=proposals)


class ClosingDecidedOut(ApiOut):
    """What became of a proposal to close a month."""

    id: UUID
    state: Literal["confirmed", "rejected"]
    period: PeriodOut
