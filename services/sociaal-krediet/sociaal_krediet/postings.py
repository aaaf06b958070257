"""What the decisions and facts of sociaal krediet mean in the ledger.

Two things are kept beside each other: the money (fund, creditors, bank) and what the borrower owes (`loan:<id>:outstanding`
against `lent:sociaal-krediet`). A repayment moves both, a remission only the second. Grant keys name the fact, so that
the wallet posts each once whatever is repeated; references hold ids only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from foundation.money import Cents
from wallet_contract.accounts import BANK_CURRENT, BANK_STRIPE, clearing, fund, lent, loan, payable, purse
from wallet_contract.messages import PostTransfers, TransferLine

SCHEME = "sociaal-krediet"
PURSE = "krediet"


class Source(StrEnum):
    """Where the money of a receipt came in, and where it is taken from when it is booked."""

    PERSON = "person"
    """Finance saw it arrive on the bank account."""
    BANK = "bank"
    """The wallet found it on a bank statement, under the loan's RF reference."""
    STRIPE = "stripe"

    @property
    def account(self) -> str:
        """The account that the money of such a receipt is taken from."""
        return {Source.PERSON: BANK_CURRENT, Source.BANK: clearing(SCHEME), Source.STRIPE: BANK_STRIPE}[self]


@dataclass(frozen=True, slots=True)
class CreditorShare:
    """What one creditor is to be paid (SK-8)."""

    payee_id: str
    amount: Cents


def disbursement(of: str, creditors: Sequence[CreditorShare], today: date, *, gift: bool) -> PostTransfers:
    """The fund owes the creditors what was decided; `of` is the id of the loan or gift."""
    kind = "gift" if gift else "loan"
    lines = [
        TransferLine(
            source=fund(SCHEME),
            destination=payable(share.payee_id, PURSE),
            amount=share.amount,
            grant_key=f"{kind}/{of}/creditor/{share.payee_id}",
            reference=f"{kind}/{of}",
            explanation=f"{SCHEME}.disbursement",
        )
        for share in creditors
    ]
    return PostTransfers(f"{kind}-disbursement", today, lines, decision=f"{kind}/{of}")


def receivable(loan_id: str, principal: Cents, today: date) -> PostTransfers:
    """The borrower owes the principal."""
    return _posting("receivable", loan_id, today, ("principal", loan(loan_id), lent(SCHEME), principal))


def repayment(loan_id: str, key: str, source: Source, amount: Cents, today: date) -> PostTransfers:
    """Money came back: the fund has it again, and the borrower owes less."""
    money = (f"{key}/money", source.account, fund(SCHEME), amount)
    debt = (f"{key}/debt", lent(SCHEME), loan(loan_id), amount)
    return _posting("repayment", loan_id, today, money, debt)


def bounce(loan_id: str, key: str, amount: Cents, today: date) -> PostTransfers:
    """Stripe took a debit back (SK-12): the fund gives it up, and the borrower owes it again."""
    money = (f"{key}/money", fund(SCHEME), BANK_STRIPE, amount)
    debt = (f"{key}/debt", loan(loan_id), lent(SCHEME), amount)
    return _posting("bounce", loan_id, today, money, debt)


def overpayment(
    loan_id: str, holder_id: str, key: str, source: Source, amount: Cents, counted: Cents, today: date
) -> PostTransfers:
    """What exceeds the outstanding is not ours (SK-9): kept for a refund by Stripe, otherwise in the borrower's purse.

    `counted` of it was booked as a repayment before: a receipt that became known later came before this one. That part
    is taken from the fund, and off what the borrower had repaid.
    """
    destination = clearing(SCHEME) if source is Source.STRIPE else purse(holder_id, PURSE)
    moves = [
        (key, source.account, destination, Cents(amount - counted)),
        (f"{key}/money", fund(SCHEME), destination, counted),
        (f"{key}/debt", loan(loan_id), lent(SCHEME), counted),
    ]
    return _posting("overpayment", loan_id, today, *[move for move in moves if move[3]])


def refunded(loan_id: str, key: str, amount: Cents, today: date) -> PostTransfers:
    """Stripe paid it back to whom it came from."""
    return _posting("refund", loan_id, today, (key, clearing(SCHEME), BANK_STRIPE, amount))


def refund_came_back(loan_id: str, key: str, amount: Cents, today: date) -> PostTransfers:
    """A refund that was paid came back to Stripe."""
    return _posting("refund", loan_id, today, (key, BANK_STRIPE, clearing(SCHEME), amount))


def refund_failed(loan_id: str, holder_id: str, key: str, amount: Cents, today: date) -> PostTransfers:
    """Stripe could not pay it back: it is the borrower's all the same, and goes out with a payout batch."""
    return _posting("overpayment", loan_id, today, (key, clearing(SCHEME), purse(holder_id, PURSE), amount))


def given_up(loan_id: str, key: str, amount: Cents, today: date, *, remission: bool) -> PostTransfers:
    """The borrower owes less without paying: remitted (SK-7), or written off; below 0 it is taken back in part."""
    what = "remission" if remission else "write-off"
    source, destination = (lent(SCHEME), loan(loan_id)) if amount > 0 else (loan(loan_id), lent(SCHEME))
    return _posting(what, loan_id, today, (key, source, destination, Cents(abs(amount))))


def _posting(what: str, loan_id: str, today: date, *moves: tuple[str, str, str, Cents]) -> PostTransfers:
    """Make one journal of moves: key, from, to and how much."""
    reference = f"loan/{loan_id}"
    lines = [
        TransferLine(
            source=source,
            destination=destination,
            amount=amount,
            grant_key=f"{reference}/{key}",
            reference=reference,
            explanation=f"{SCHEME}.{what}",
        )
        for key, source, destination, amount in moves
    ]
    return PostTransfers(f"loan-{what}", today, lines, decision=reference)
