"""What goes on its way to the wallet, and what follows when it arrived or was refused.

Everything about one loan or gift is sent in order: each message waits for the one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation import outbox
from foundation.clock import business_date
from foundation.identifiers import identifier
from foundation.money import Cents
from foundation.outbox import Leased
from sociaal_krediet import postings
from sociaal_krediet.collecting.models import Refund
from sociaal_krediet.models import Booking, Creditor, Decision, Gift, Loan
from sociaal_krediet.postings import CreditorShare
from sociaal_krediet.queries import applications, loans
from wallet_contract.messages import PostTransfers

CONFIRM_PAYEE = "confirm-payee"
OPEN_LOAN_ACCOUNT = "open-loan-account"
REGISTER_REFERENCE = "register-reference"
POST_TRANSFERS = "post-transfers"
REFUND_PAYMENT = "refund-payment"


def loan_subject(loan_id: UUID) -> str:
    """Name a loan on its messages."""
    return f"loan/{loan_id}"


def gift_subject(gift_id: UUID) -> str:
    """Name a gift on its messages."""
    return f"gift/{gift_id}"


def send_loan(db: Session, loan: Loan, decision: Decision, creditors: Sequence[Creditor]) -> None:
    """Have a loan that was decided opened, owed to its creditors, and owed by its borrower."""
    subject, today = loan_subject(loan.id), business_date()
    opened = outbox.enqueue(
        db,
        OPEN_LOAN_ACCOUNT,
        f"{OPEN_LOAN_ACCOUNT}/{loan.id}",
        {"loan": str(loan.id), "principal": loan.principal},
        subject=subject,
    )
    named = outbox.enqueue(
        db,
        REGISTER_REFERENCE,
        f"{REGISTER_REFERENCE}/{loan.id}",
        {"reference": loan.rf_reference, "subject": subject},
        subject=subject,
    )
    loan.last_message = _send_disbursement(db, subject, str(loan.id), decision, creditors, [opened, named], gift=False)
    post(db, loan, None, "receivable", postings.receivable(str(loan.id), Cents(loan.principal), today), loan.principal)


def send_gift(db: Session, gift: Gift, decision: Decision, creditors: Sequence[Creditor]) -> None:
    """Have a gift that was decided owed to its creditors."""
    _send_disbursement(db, gift_subject(gift.id), str(gift.id), decision, creditors, [], gift=True)


def _send_disbursement(
    db: Session,
    subject: str,
    of: str,
    decision: Decision,
    creditors: Sequence[Creditor],
    after: Sequence[UUID],
    *,
    gift: bool,
) -> UUID:
    # The officer who decided is the second person who stands for each creditor's account (PO-6).
    confirmed = [
        outbox.enqueue(
            db,
            CONFIRM_PAYEE,
            f"{CONFIRM_PAYEE}/{creditor.payee_id}",
            {"payee": str(creditor.payee_id), "iban": str(creditor.iban_id), "decidedBy": decision.decided_by},
            subject=subject,
        )
        for creditor in creditors
    ]
    shares = [CreditorShare(str(creditor.payee_id), Cents(creditor.amount)) for creditor in creditors]
    message = postings.disbursement(of, shares, business_date(), gift=gift)
    return outbox.enqueue(
        db,
        POST_TRANSFERS,
        f"{message.kind}/{of}",
        message.as_json(),
        subject=subject,
        after=[*after, *confirmed],
    )


def post(
    db: Session, loan: Loan, fact_id: UUID | None, kind: str, message: PostTransfers, amount: int, repaid: int = 0
) -> None:
    """Ask the wallet for one posting of a loan, after all that was asked for it before, and write down that it was.

    `repaid` is what it adds to, or below 0 takes off, what the receipt `fact_id` counts for.
    """
    after = outbox.undone(db, [loan.last_message]) if loan.last_message is not None else []
    key = message.transfers[0].grant_key
    assert key is not None
    loan.last_message = outbox.enqueue(
        db, POST_TRANSFERS, key, message.as_json(), subject=loan_subject(loan.id), after=after
    )
    db.add(
        Booking(
            loan_id=loan.id,
            fact_id=fact_id,
            kind=kind,
            amount=amount,
            repaid=repaid,
            grant_key=key,
            message_id=loan.last_message,
            booked_on=message.value_date,
        )
    )
    db.flush()


def send_refund(db: Session, refund: Refund) -> None:
    """Have Stripe pay back what was above the outstanding."""
    outbox.enqueue(
        db,
        REFUND_PAYMENT,
        f"{REFUND_PAYMENT}/{refund.id}",
        {"refund": str(refund.id)},
        subject=loan_subject(refund.loan_id),
    )


def posted(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The wallet posted it: a disbursement is owed from now on, and what stood in the way of any posting is over."""
    kind = message.payload["kind"]
    about = _loan_of(db, message) or _gift_of(db, message)
    if about is None:
        return
    about.problem_code = about.problem = None
    if kind in ("loan-receivable", "gift-disbursement"):
        about.booked_on = business_date()
    if kind in ("loan-disbursement", "gift-disbursement"):
        _owe_creditors(db, about.application_id)
    db.flush()


def refused(db: Session, message: Leased, code: str, text: str) -> None:
    """The wallet refused it, most often because the fund has too little: it waits until somebody resumes it."""
    about = _loan_of(db, message) or _gift_of(db, message)
    if about is not None:
        about.problem_code, about.problem = code, text
        db.flush()


def _owe_creditors(db: Session, application_id: UUID) -> None:
    for creditor in applications.creditors(db, application_id):
        if creditor.state == "asked":
            creditor.state, creditor.changed_on = "owed", business_date()


def _loan_of(db: Session, message: Leased) -> Loan | None:
    kind, _, name = message.subject.partition("/")
    return loans.find(db, identifier(name), lock=True) if kind == "loan" else None


def _gift_of(db: Session, message: Leased) -> Gift | None:
    kind, _, name = message.subject.partition("/")
    return loans.find_gift(db, identifier(name), lock=True) if kind == "gift" else None
