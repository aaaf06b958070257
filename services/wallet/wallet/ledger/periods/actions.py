"""Closing a calendar month: proposed by one person, confirmed by another; from then on nothing is posted in it."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date
from foundation.periods import Month
from wallet.ledger.actions import proposals
from wallet.ledger.actions.posting import check_period, close_period
from wallet.ledger.models import Proposal
from wallet.ledger.periods.queries import CLOSING
from wallet.ledger.refusals import ProposalNotFound


def propose_closing(db: Session, month: Month, reason: str | None, caller: Caller) -> Proposal:
    """Write down that a month is to be closed. Raises `ClosedAlready`, `MonthNotEnded` or `EarlierMonthOpen`."""
    check_period(db, month.start, business_date())
    return proposals.propose(db, CLOSING, None, {"month": str(month)}, reason or f"Maand {month} is voorbij", caller)


def confirm_closing(db: Session, month: Month, proposal_id: UUID, caller: Caller) -> None:
    """Close a month, with the balance of every account at its end and its control totals.

    Raises what proposing it does, `NotSealed`, or `ProposalNotFound`, `SameSubject`, `AlreadyDecided`.
    """
    proposal = _undecided(db, month, proposal_id, caller)
    closed = close_period(db, proposal.id, caller.subject, business_date())
    proposals.decide(db, proposal, caller, "confirmed", closed_month=closed)


def reject_closing(db: Session, month: Month, proposal_id: UUID, reason: str, caller: Caller) -> None:
    """End a proposal to close a month. Raises `ProposalNotFound`, `SameSubject` or `AlreadyDecided`."""
    proposals.decide(db, _undecided(db, month, proposal_id, caller), caller, "rejected", reason=reason)


def _undecided(db: Session, month: Month, proposal_id: UUID, caller: Caller) -> Proposal:
    proposal = proposals.undecided(db, proposal_id, caller, CLOSING)
    if proposal.posting["month"] != str(month):
        raise ProposalNotFound
    return proposal
