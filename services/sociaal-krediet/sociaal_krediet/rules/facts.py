"""What can happen to a loan, each a row that is never changed (SK-5, SK-7, SK-9, SK-12).

A fact has the day it counts for (`on`, the booking date at the bank) and an instant (`at`) that orders a day. When it
became known plays no part: that is what makes messages that come late, twice or out of order harmless.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from foundation.money import Cents

Mode = Literal["shorten", "lower"]
"""What an early repayment changes: `shorten` the number of instalments, or `lower` their amount (SK-5)."""


class LoanCode(StrEnum):
    """Why an act is refused beforehand, or why a fact had less effect than it says."""

    LOAN_SETTLED = "loanSettled"
    MONTHS_OUT_OF_RANGE = "monthsOutOfRange"
    AMOUNT_TOO_SMALL = "amountTooSmall"
    NOTHING_TO_PAUSE = "nothingToPause"
    ABOVE_OUTSTANDING = "aboveOutstanding"
    UNKNOWN_RECEIPT = "unknownReceipt"
    BOUNCE_ABOVE_RECEIPT = "bounceAboveReceipt"
    REFUND_ABOVE_RECEIPT = "refundAboveReceipt"
    REINSTATED_ABOVE_BOUNCE = "reinstatedAboveBounce"


class Ignored(NamedTuple):
    """A fact that had no effect, or only the part that was possible, and why."""

    fact_id: str
    code: LoanCode


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money came in for the loan."""

    id: str
    on: date
    at: datetime
    amount: Cents

    def __post_init__(self) -> None:
        assert self.amount > 0, f"receipt {self.id} is of {self.amount} cents"


@dataclass(frozen=True, slots=True)
class Bounce:
    """All or part of a receipt was taken back: a debit that bounced, a dispute."""

    id: str
    on: date
    at: datetime
    receipt_id: str
    amount: Cents

    def __post_init__(self) -> None:
        assert self.amount > 0, f"bounce {self.id} is of {self.amount} cents"


@dataclass(frozen=True, slots=True)
class Reinstated:
    """What had bounced of a receipt came in after all: a dispute was won."""

    id: str
    on: date
    at: datetime
    receipt_id: str
    amount: Cents

    def __post_init__(self) -> None:
        assert self.amount > 0, f"reinstatement {self.id} is of {self.amount} cents"


@dataclass(frozen=True, slots=True)
class Refunded:
    """What of a receipt was above the outstanding was given back to its payer: the receipt counts for less."""

    id: str
    on: date
    at: datetime
    receipt_id: str
    amount: Cents

    def __post_init__(self) -> None:
        assert self.amount > 0, f"refund {self.id} is of {self.amount} cents"


@dataclass(frozen=True, slots=True)
class EarlyMode:
    """The borrower chose what the next early repayment changes; the one after it shortens again."""

    id: str
    on: date
    at: datetime
    mode: Mode


@dataclass(frozen=True, slots=True)
class Pause:
    """Every instalment due from a day on, and not wholly paid, is due so many months later."""

    id: str
    on: date
    at: datetime
    months: int
    from_on: date

    def __post_init__(self) -> None:
        assert self.months > 0, f"pause {self.id} is of {self.months} months"


@dataclass(frozen=True, slots=True)
class Reschedule:
    """All that is unpaid, arrears too, is spread anew over so many months."""

    id: str
    on: date
    at: datetime
    months: int

    def __post_init__(self) -> None:
        assert self.months > 0, f"reschedule {self.id} is over {self.months} months"


@dataclass(frozen=True, slots=True)
class Remission:
    """All that is outstanding (`None`), or part of it, became a gift (SK-7)."""

    id: str
    on: date
    at: datetime
    amount: Cents | None
    mode: Mode = "shorten"

    def __post_init__(self) -> None:
        assert self.amount is None or self.amount > 0, f"remission {self.id} is of {self.amount} cents"


@dataclass(frozen=True, slots=True)
class WriteOff:
    """All that is outstanding (`None`), or part of it, will not come in."""

    id: str
    on: date
    at: datetime
    amount: Cents | None

    def __post_init__(self) -> None:
        assert self.amount is None or self.amount > 0, f"write-off {self.id} is of {self.amount} cents"


Fact = EarlyMode | Receipt | Bounce | Reinstated | Refunded | Pause | Reschedule | Remission | WriteOff

# The order within one instant: a choice before the money it is for, money before what is decided about the rest. What goes
# back of a receipt has the receipt's own instant: a bounce that Stripe tells of the same second comes after it.
_RANKS: dict[type[Fact], int] = {
    EarlyMode: 0,
    Receipt: 1,
    Refunded: 2,
    Bounce: 3,
    Reinstated: 4,
    Pause: 5,
    Reschedule: 6,
    Remission: 7,
    WriteOff: 8,
}


def in_effective_order(facts: Iterable[Fact]) -> list[Fact]:
    """Put facts in the order in which they count, each once; the order in which they are given plays no part."""
    once = set(facts)
    assert len({(type(fact), fact.id) for fact in once}) == len(once), "a fact never changes, so one id says one thing"
    return sorted(once, key=lambda fact: (fact.on, fact.at, _RANKS[type(fact)], fact.id))
