"""Taking a transfer back: proposed by one person, confirmed by another, never more than the whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date
from wallet.ledger import queries as ledger_queries
from wallet.ledger.actions import proposals
from wallet.ledger.actions.posting import lock_reversal, open_receivable, post
from wallet.ledger.actions.reading import journal_and_line
from wallet.ledger.corrections import postings, queries, rules
from wallet.ledger.corrections.rules import Original, Shares
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.models import Journal, Proposal
from wallet.ledger.periods import queries as period_queries
from wallet.ledger.postings import REVERSAL, Posted
from wallet.ledger.refusals import (
    NotClaimable,
    OverReversal,
    PayoutNotReversible,
    ProposalNotFound,
    ReversalNotReversible,
    ReversedAlready,
    SeveralTransfers,
    TooLittle,
    TransferNotFound,
)


def propose_reversal(db: Session, transfer_id: str, asked: ReversalIn, caller: Caller) -> Proposal:
    """Write down that a transfer is to be taken back, whole or in part.

    Everything is looked at as it will be at the confirmation, so that nobody is asked to confirm what cannot be done.
    Raises `TransferNotFound`, `SeveralTransfers`, `ReversalNotReversible`, `PayoutNotReversible`, `LoanByHand`,
    `ProtectedPurse`, `ReversedAlready`, `OverReversal`, `NotClaimable` or `TooLittle`.
    """
    original = find_original(db, transfer_id)
    proposals.refuse_loans([original.source, original.destination])
    proposals.refuse_protected(db, [original.destination])
    amount = original.left if asked.amount is None else asked.amount
    _shares(original, amount, asked.receivable)
    posting: dict[str, Any] = {
        "kind": REVERSAL,
        "reverses": original.id,
        "receivable": asked.receivable,
        "transfers": [
            {
                "source": original.destination,
                "destination": original.source,
                "amount": amount,
                "asset": original.asset,
            }
        ],
    }
    return proposals.propose(db, REVERSAL, None, posting, asked.reason, caller)


def confirm_reversal(db: Session, proposal_id: UUID, caller: Caller, transfer_id: str | None = None) -> Posted:
    """Carry a reversal out. Raises what proposing it does, or `ProposalNotFound`, `SameSubject`, `AlreadyDecided`."""
    proposal = proposals.undecided(db, proposal_id, caller, REVERSAL)
    _check_path(db, proposal, transfer_id)
    original = find_original(db, proposal.posting["reverses"])
    lock_reversal(db, original.journal_id, original.line)
    # Once more, now that nobody else can move these accounts: another reversal may have come first.
    original = find_original(db, original.id)
    proposals.refuse_protected(db, [original.destination])
    shares = _shares(original, proposal.posting["transfers"][0]["amount"], proposal.posting["receivable"])
    if shares.claimed:
        open_receivable(db, original.destination)
    posted = post(
        db,
        kind=REVERSAL,
        value_date=business_date(),
        actor=caller.actor,
        on_behalf_of=proposal.proposed_by,
        decision=f"proposal/{proposal.id}",
        reason=proposal.reason,
        transfers=postings.reversal(original, shares, period_queries.closed_month_of(db, original.value_date)),
        reverses=(original.journal_id, original.line),
    )
    proposals.decide(db, proposal, caller, "confirmed", journal_id=posted.journal_id)
    return posted


def reject_reversal(
    db: Session, proposal_id: UUID, reason: str, caller: Caller, transfer_id: str | None = None
) -> None:
    """End a proposal to take a transfer back. Raises `ProposalNotFound`, `SameSubject` or `AlreadyDecided`."""
    proposal = proposals.undecided(db, proposal_id, caller, REVERSAL)
    _check_path(db, proposal, transfer_id)
    proposals.decide(db, proposal, caller, "rejected", reason=reason)


def is_reversal(db: Session, proposal_id: UUID) -> bool:
    """Tell whether a proposal is one to take a transfer back."""
    return ledger_queries.proposal(db, proposal_id, REVERSAL) is not None


def find_original(db: Session, transfer_id: str) -> Original:
    """Give a transfer that may be taken back, by either of its lines or by the journal that is it alone.

    Raises `TransferNotFound`, `SeveralTransfers`, `ReversalNotReversible` or `PayoutNotReversible`.
    """
    place = journal_and_line(transfer_id)
    if place is None:
        raise TransferNotFound
    journal_id, line = place
    named = queries.only_line(db, journal_id) if line is None else line
    original = None if named is None else queries.original(db, journal_id, named)
    if original is None:
        there = db.get(Journal, journal_id) if line is None else ledger_queries.has_line(db, journal_id, line)
        raise SeveralTransfers if there else TransferNotFound
    if original.is_reversal:
        raise ReversalNotReversible
    if rules.is_undone_by_bank(original):
        raise PayoutNotReversible
    return original


def _check_path(db: Session, proposal: Proposal, transfer_id: str | None) -> None:
    if transfer_id is not None and find_original(db, transfer_id).id != proposal.posting["reverses"]:
        raise ProposalNotFound


def _shares(original: Original, amount: int, receivable: bool) -> Shares:
    """Say where the money comes from, or raise why it cannot."""
    if original.left == 0:
        raise ReversedAlready(f"Overboeking {original.id} is al geheel teruggedraaid.", {"left": 0})
    if amount > original.left:
        raise OverReversal(
            f"Van overboeking {original.id} is nog {original.left} terug te draaien; gevraagd is {amount}"
            f" ({original.asset}).",
            {"left": original.left, "asked": amount},
            pointer="/amount",
        )
    if receivable and not original.claimable:
        raise NotClaimable(
            f"Wat op {original.destination} ontbreekt wordt van niemand teruggevorderd.", pointer="/receivable"
        )
    shares = rules.shares(original, amount)
    if shares.claimed and not receivable:
        offer = (
            " Wat ontbreekt kan een vordering worden: stel het opnieuw voor met receivable."
            if original.claimable
            else ""
        )
        raise TooLittle(
            f"Op rekening {original.destination} is {shares.returned} beschikbaar; gevraagd is {amount}"
            f" ({original.asset}).{offer}",
            {
                "account": original.destination,
                "available": shares.returned,
                "asked": amount,
                "receivable": original.claimable,
            },
        )
    return shares
