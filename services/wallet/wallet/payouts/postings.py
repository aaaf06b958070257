"""What a payout means in the ledger.

Grant keys name the line, so that no repetition pays it, or brings it back, twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from wallet.ledger.postings import BANK_CURRENT as CURRENT
from wallet.ledger.postings import Transfer, payable_owner

OUTGOING = "bank:outgoing"

PAYOUT = "payout"
SETTLEMENT = "payout-settlement"
RETURN = "payout-return"
REJECTION = "payout-rejection"


@dataclass(frozen=True, slots=True)
class PaidLine:
    """A line as the ledger sees it; `amount` in the smallest unit of `asset`.

    `kind` is `person`, whose purse is paid, or `payee`, to whom is paid what it is owed.
    """

    line_id: UUID
    holder_id: UUID
    purse: str
    asset: str
    amount: int
    end_to_end_id: str
    hold_id: UUID | None
    kind: str

    @property
    def account(self) -> str:
        """The address that the line is paid from, and goes back to when the bank does not pay it."""
        return account(self.kind, self.holder_id, self.purse)


def account(kind: str, holder_id: UUID, purse: str) -> str:
    """Give the address of a person's purse, or of what a payee is owed out of such purses."""
    owner = payable_owner(str(holder_id)) if kind == "payee" else f"holder:{holder_id}"
    return f"{owner}:{purse}"


def sent(line: PaidLine) -> Transfer:
    """The money leaves the purse or payable for the bank, out of its hold (PO-2)."""
    return Transfer(
        source=line.account,
        destination=OUTGOING,
        amount=line.amount,
        asset=line.asset,
        grant_key=f"payout/{line.line_id}",
        reference=line.end_to_end_id,
        explanation="payout.sent",
        hold_id=line.hold_id,
    )


def with_closed_day(reference: str | None, booked_on: date | None, first_open: date) -> str | None:
    """Name the bank's own date too where its month is closed, and the entry is booked on a later day."""
    if booked_on is None or booked_on >= first_open:
        return reference
    return f"{reference}/{booked_on}" if reference else str(booked_on)


def settled(entry_key: bytes, amount: int, asset: str, reference: str | None) -> Transfer:
    """The bank has taken it from the municipality's account: one transfer per booking of the bank (PO-2)."""
    return Transfer(
        source=OUTGOING,
        destination=CURRENT,
        amount=amount,
        asset=asset,
        grant_key=f"payout-settlement/{entry_key.hex()}",
        reference=reference,
        explanation="payout.settled",
    )


def returned(line: PaidLine) -> Transfer:
    """The bank has given it back: it is where it came from again (PO-2)."""
    return Transfer(
        source=CURRENT,
        destination=line.account,
        amount=line.amount,
        asset=line.asset,
        grant_key=f"payout-return/{line.line_id}",
        reference=line.end_to_end_id,
        explanation="payout.returned",
    )


def rejected(line: PaidLine) -> Transfer:
    """The bank will not pay it, and never took it: it is where it came from again (PO-2)."""
    return Transfer(
        source=OUTGOING,
        destination=line.account,
        amount=line.amount,
        asset=line.asset,
        grant_key=f"payout-rejection/{line.line_id}",
        reference=line.end_to_end_id,
        explanation="payout.rejected",
    )
