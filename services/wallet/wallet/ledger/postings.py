"""What can be asked of the ledger, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

BANK_CURRENT = "bank:current"
BANK_STRIPE = "bank:stripe"
EUR = "EUR"
MAX_TRANSFERS = 10_000

DEPOSIT = "deposit"
CAPTURE = "capture"
MANUAL = "manual"
REVERSAL = "reversal"
RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One movement of `amount` (above 0, in the smallest unit of `asset`) from one account to another.

    `grant_key` is unique for ever, in all journals. `reference` holds ids only and `explanation` a code: both are
    sealed with the entry, so neither may hold personal data. With `hold_id` the amount comes out of that hold.
    """

    source: str
    destination: str
    amount: int
    asset: str = EUR
    grant_key: str | None = None
    reference: str | None = None
    explanation: str | None = None
    hold_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """An amount to set apart on an account, under an id that its asker makes."""

    id: UUID
    account: str
    amount: int
    asset: str = EUR


@dataclass(frozen=True, slots=True)
class AskedHold:
    """A hold of as much of `request.amount` as is available, and at least `minimum`; what for, by whom and until when."""

    request: HoldRequest
    minimum: int
    purpose: str
    actor: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A hold that was opened, now or before under the same id: how much was set apart and when, and how it stands now."""

    amount: int
    opened_at: datetime
    remaining: int
    state: str
    expires_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Posting:
    """Transfers to be written as one journal, and what stands above them.

    What may be `late` is written on the first open day where the month of its value date is closed.
    """

    kind: str
    value_date: date
    actor: str
    on_behalf_of: str | None
    decision: str | None
    reason: str | None
    transfers: Sequence[Transfer]
    late: bool = False
    releases: Sequence[UUID] = ()
    """Holds that are let go of after it, in the same transaction."""

    def on(self, first_open: date) -> Posting:
        """Give the same on an open day, with a reason that names its own day where that is no longer open."""
        if not self.late or self.value_date >= first_open:
            return self
        why = f"valutadatum {self.value_date}: die maand was gesloten"
        return replace(self, value_date=first_open, reason=why if self.reason is None else f"{self.reason} ({why})")


@dataclass(frozen=True, slots=True)
class Posted:
    """A journal that was written; `transfer_ids` in the order of the transfers."""

    journal_id: int
    transfer_ids: list[str]


def fund_address(code: str) -> str:
    """Give the address of a fund."""
    return f"fund:{code}"


def clearing_account(scheme: str) -> str:
    """Give the account of what came in for a scheme, until the scheme has placed it."""
    return f"clearing:{scheme}"


def payable_owner(provider: str) -> str:
    """Give the owner under which everything stands that a provider is owed."""
    return f"payable:{provider}"


def filling_account(asset: str) -> str:
    """Give the account that funds in this asset are filled from: money comes from the bank, the rest is issued."""
    return BANK_CURRENT if asset == EUR else f"issue:{asset}"


def _is_merged(address: str) -> bool:
    # Holds for every account: the function that opens accounts refuses another lock rank for these.
    return address.startswith(("bank:", "fund:"))


def naming_line(number: int, transfer: Transfer) -> int:
    """Give the line that names a journal's transfer of this number (from 1): the one with its grant key.

    It is the destination's (2N), or the source's (2N - 1) where the destination's is merged with others: on a bank or
    fund account that is not paid from another one.
    """
    on_source = _is_merged(transfer.destination) and not _is_merged(transfer.source)
    return 2 * number - 1 if on_source else 2 * number
