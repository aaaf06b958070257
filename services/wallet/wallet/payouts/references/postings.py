"""What comes in at the bank means in the ledger: it stands apart for its scheme until that has placed it."""

from __future__ import annotations

from wallet.ledger.postings import BANK_CURRENT, Transfer, clearing_account


def received(entry_key: bytes, scheme: str, amount: int, asset: str, reference: str | None) -> Transfer:
    """One booking of the bank under a reference of this scheme, once for ever."""
    return Transfer(
        source=BANK_CURRENT,
        destination=clearing_account(scheme),
        amount=amount,
        asset=asset,
        grant_key=f"receipt/{entry_key.hex()}",
        reference=reference,
        explanation="receipt.booked",
    )
