"""Account addresses, as functions: nobody writes one by hand."""

from __future__ import annotations

BANK_CURRENT = "bank:current"
"""The municipality's account at its bank, as the ledger sees it."""

BANK_OUTGOING = "bank:outgoing"
"""Money that was sent to the bank and is not yet confirmed by a statement."""

BANK_STRIPE = "bank:stripe"
"""The municipality's balance at its payment provider."""


def fund(code: str) -> str:
    """Give the address of a fund, such as `fund:burgerbudget`."""
    return f"fund:{code}"


def holder(holder_id: str) -> str:
    """Give the owner under which all purses of a holder stand."""
    return f"holder:{holder_id}"


def purse(holder_id: str, code: str) -> str:
    """Give the address of one purse of a holder, such as `holder:<id>:vrij`."""
    return f"holder:{holder_id}:{code}"


def payable(payee_id: str, code: str) -> str:
    """Give the address of what a payee is to be paid out of one kind of purse, such as `payable:<id>:krediet`."""
    return f"payable:{payee_id}:{code}"


def loan(loan_id: str) -> str:
    """Give the address of what is owed under a loan: below 0, at most the principal."""
    return f"loan:{loan_id}:outstanding"


def lent(scheme: str) -> str:
    """Give the address of what a scheme lent out: what is owed under all its loans together."""
    return f"lent:{scheme}"


def clearing(scheme: str) -> str:
    """Give the address of what came in for a scheme and it has not placed yet."""
    return f"clearing:{scheme}"
