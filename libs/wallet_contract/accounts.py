"""Account addresses, as functions: nobody writes one by hand."""

from __future__ import annotations

BANK_CURRENT = "bank:current"
"""The municipality's account at its bank, as the ledger sees it."""

BANK_OUTGOING = "bank:outgoing"
"""Money that was sent to the bank and is not yet confirmed by a statement."""


def fund(code: str) -> str:
    """Give the address of a fund, such as `fund:burgerbudget`."""
    return f"fund:{code}"


def holder(holder_id: str) -> str:
    """Give the owner under which all purses of a holder stand."""
    return f"holder:{holder_id}"


def purse(holder_id: str, code: str) -> str:
    """Give the address of one purse of a holder, such as `holder:<id>:vrij`."""
    return f"holder:{holder_id}:{code}"
