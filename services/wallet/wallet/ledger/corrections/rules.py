"""What may be taken back of a transfer, and where it comes from. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from wallet.ledger import rules


@dataclass(frozen=True, slots=True)
class Original:
    """A transfer as it stands in the books; amounts in the smallest unit of `asset`.

    `reversed_amount` is what was taken back of it; `available` what its destination can give back, None where that
    has no floor; `claimable` whether the owner of that may come to owe what is no longer there.
    """

    journal_id: int
    line: int
    kind: str
    value_date: date
    source: str
    destination: str
    asset: str
    amount: int
    is_reversal: bool
    reversed_amount: int
    available: int | None
    claimable: bool

    @property
    def id(self) -> str:
        return f"{self.journal_id}-{self.line}"

    @property
    def left(self) -> int:
        """What can still be taken back of it."""
        return self.amount - self.reversed_amount


@dataclass(frozen=True, slots=True)
class Shares:
    """Where the money of a reversal comes from: what is still there, and what its owner comes to owe."""

    returned: int
    claimed: int


def is_undone_by_bank(original: Original) -> bool:
    """Tell whether only a message of the bank may undo this transfer: it follows money outside of our books."""
    return rules.is_bank_kind(original.kind)


def shares(original: Original, amount: int) -> Shares:
    """Divide an amount over what the destination can still give back and what it cannot."""
    if original.available is None:
        return Shares(amount, 0)
    returned = min(amount, max(original.available, 0))
    return Shares(returned, amount - returned)
