"""What a reversal means in the ledger."""

from __future__ import annotations

from wallet.ledger.corrections.rules import Original, Shares
from wallet.ledger.postings import Transfer

REVERSED = "reversal"
"""The code that stands on each entry of a reversal."""


def receivable(purse: str) -> str:
    """Give the address of what the owner of a purse owes because of it."""
    return f"receivable:{purse}"


def reference(original: Original, closed_month: str | None) -> str:
    """Name the transfer that is taken back, and the closed month that it belongs to."""
    return f"transfer/{original.id}" if closed_month is None else f"transfer/{original.id}/period/{closed_month}"


def reversal(original: Original, shares: Shares, closed_month: str | None) -> list[Transfer]:
    """The money goes the way back; what is missing is owed by the owner of the purse that it was in."""
    parts = (original.destination, shares.returned), (receivable(original.destination), shares.claimed)
    return [
        Transfer(
            source=giver,
            destination=original.source,
            amount=amount,
            asset=original.asset,
            reference=reference(original, closed_month),
            explanation=REVERSED,
        )
        for giver, amount in parts
        if amount
    ]
