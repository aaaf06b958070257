"""Acts that need two people: one proposes, another confirms or rejects; posted is what was proposed, to the letter."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.periods import Month
from wallet.ledger import queries, rules
from wallet.ledger.actions.posting import post
from wallet.ledger.models import Proposal, ProposalDecision
from wallet.ledger.periods import queries as periods
from wallet.ledger.postings import DEPOSIT, MAX_TRANSFERS, Posted, filling_account, fund_address
from wallet.ledger.refusals import (
    AlreadyDecided,
    FundNotFound,
    GrantKeyUsed,
    HoldByHand,
    KindNotAllowed,
    LedgerRefusal,
    LoanByHand,
    NoTransfers,
    PeriodClosed,
    ProposalNotFound,
    ProtectedPurse,
    ReasonMissing,
    SameSubject,
    TooManyTransfers,
)
from wallet.ledger.schemas import DepositIn, TransferIn, TransfersIn

TRANSFER = "transfer"


def propose_transfers(db: Session, asked: TransfersIn, caller: Caller) -> Proposal:
    """Write down a posting by hand.

    Raises `ReasonMissing`, `KindNotAllowed`, `PeriodClosed`, `HoldByHand`, `LoanByHand` or `ProtectedPurse`.
    """
    if asked.reason is None:
        raise ReasonMissing
    if not rules.may_name_kind(asked.kind, by_hand=True):
        raise KindNotAllowed(f"Boekingen van de soort {asked.kind} maakt alleen het systeem zelf.", pointer="/kind")
    check_list(asked)
    _check_open(db, asked.value_date)
    for index, each in enumerate(asked.transfers):
        if each.hold_id is not None:
            raise HoldByHand(
                "Een reservering is voor wie haar maakte, niet voor een boeking met de hand.",
                pointer=f"/transfers/{index}/holdId",
            )
    if asked.releases:
        raise HoldByHand(
            "Een reservering is voor wie haar maakte, niet voor een boeking met de hand.", pointer="/releases"
        )
    refuse_loans([address for each in asked.transfers for address in (each.source, each.destination)])
    refuse_protected(db, [each.source for each in asked.transfers])
    posting = asked.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"reason", "releases"})
    return propose(db, TRANSFER, None, posting, asked.reason, caller)


def propose_deposit(db: Session, code: str, asked: DepositIn, caller: Caller) -> Proposal:
    """Write down a deposit into a fund: money from the municipality's account, the rest issued. Raises `FundNotFound`."""
    fund, account = queries.fund(db, code), queries.account(db, fund_address(code))
    if fund is None or account is None:
        raise FundNotFound
    transfer = TransferIn(
        source=filling_account(account.asset),
        destination=account.address,
        amount=asked.amount,
        asset=account.asset,
        reference=asked.reference,
        explanation="fund.deposit",
    )
    posting = {"kind": DEPOSIT, "transfers": [transfer.model_dump(mode="json", by_alias=True, exclude_none=True)]}
    return propose(db, DEPOSIT, code, posting, asked.reason, caller)


def confirm(db: Session, proposal_id: UUID, caller: Caller, subject: str, fund: str | None = None) -> Posted:
    """Carry a proposal out. Raises `ProposalNotFound`, `SameSubject`, `AlreadyDecided`, or why the ledger refused."""
    proposal = undecided(db, proposal_id, caller, subject, fund)
    transfers = [TransferIn.model_validate(each).transfer() for each in proposal.posting["transfers"]]
    named = proposal.posting.get("valueDate")
    try:
        posted = post(
            db,
            kind=proposal.posting["kind"],
            value_date=business_date() if named is None else date.fromisoformat(named),
            actor=caller.actor,
            on_behalf_of=proposal.proposed_by,
            decision=proposal.posting.get("decision") or f"proposal/{proposal.id}",
            reason=proposal.reason,
            transfers=transfers,
        )
    except LedgerRefusal as refusal:
        raise refusal.in_list("transfers") from refusal
    # Once more, now that the accounts are locked: a purse may have been filled since the proposal was made.
    if subject == TRANSFER:
        refuse_protected(db, [each.source for each in transfers])
    decide(db, proposal, caller, "confirmed", journal_id=posted.journal_id)
    return posted


def reject(db: Session, proposal_id: UUID, reason: str, caller: Caller, subject: str, fund: str | None = None) -> None:
    """End a proposal without posting it. Raises `ProposalNotFound`, `SameSubject` or `AlreadyDecided`."""
    decide(db, undecided(db, proposal_id, caller, subject, fund), caller, "rejected", reason=reason)


def check_list(asked: TransfersIn) -> None:
    """Refuse a list that is empty or too long, or has a grant key twice, before anything is done with it."""
    if not asked.transfers:
        raise NoTransfers("Geef ten minste één overboeking.", pointer="/transfers")
    if len(asked.transfers) > MAX_TRANSFERS:
        raise TooManyTransfers(
            f"Ten hoogste {MAX_TRANSFERS} overboekingen in één keer; dit zijn er {len(asked.transfers)}.",
            pointer="/transfers",
        )
    first_with: dict[str, int] = {}
    for index, key in enumerate(each.grant_key for each in asked.transfers):
        if key is not None and (first := first_with.setdefault(key, index)) != index:
            # The ledger would refuse it too, and say that it was posted.
            raise GrantKeyUsed(
                f"De toekenning {key} staat al bij /transfers/{first}; een toekenning wordt één keer geboekt.",
                pointer=f"/transfers/{index}",
            )


def _check_open(db: Session, value_date: date | None) -> None:
    last = periods.last_close(db)
    if value_date is None or last is None or value_date >= Month.of(last.month).next().start:
        return
    first_open = Month.of(last.month).next().start
    raise PeriodClosed(
        f"De maand van {value_date} is gesloten; de eerste open dag is {first_open}.",
        {"firstOpenDay": str(first_open)},
        pointer="/valueDate",
    )


def refuse_loans(addresses: list[str]) -> None:
    """Refuse to move by hand what agrees with the schedules of a lending scheme. Raises `LoanByHand`."""
    for address in addresses:
        if rules.is_of_a_loan(address):
            raise LoanByHand(address)


def refuse_protected(db: Session, sources: list[str]) -> None:
    """Refuse to debit by hand what is granted by law, or what it filled (BB-8). Raises `ProtectedPurse`."""
    for index, source in enumerate(sources):
        if rules.is_protected(source):
            raise ProtectedPurse(
                f"Van {source} neemt niemand iets met de hand terug.", pointer=f"/transfers/{index}/source"
            )
    filled = queries.filled_by(db, sorted(set(sources)), rules.PROTECTED_PURSE)
    if filled is not None:
        raise ProtectedPurse(
            f"Op {filled} staat geld uit het burgerbudget: daarvan neemt niemand iets met de hand terug.",
            pointer=f"/transfers/{sources.index(filled)}/source",
        )


def propose(
    db: Session, subject: str, fund: str | None, posting: dict[str, Any], reason: str, caller: Caller
) -> Proposal:
    """Write down what somebody else is to decide about."""
    proposal = Proposal(
        id=new_id(),
        subject=subject,
        fund=fund,
        posting=posting,
        reason=reason,
        proposed_by=caller.subject,
        proposed_at=now(),
    )
    db.add(proposal)
    db.flush()
    return proposal


def undecided(db: Session, proposal_id: UUID, caller: Caller, subject: str, fund: str | None = None) -> Proposal:
    """Give a proposal that this caller may decide about. Raises `ProposalNotFound`, `SameSubject`, `AlreadyDecided`."""
    proposal = queries.proposal(db, proposal_id, subject, fund)
    if proposal is None:
        raise ProposalNotFound
    if caller.subject == proposal.proposed_by:
        raise SameSubject
    decision = queries.decision_on(db, proposal_id)
    if decision is not None:
        raise AlreadyDecided(f"Over dit voorstel is al beslist: {decision.outcome}.")
    return proposal


def decide(
    db: Session,
    proposal: Proposal,
    caller: Caller,
    outcome: str,
    *,
    reason: str | None = None,
    journal_id: int | None = None,
    closed_month: date | None = None,
) -> None:
    """Write down the one decision on a proposal. Raises `AlreadyDecided`."""
    # Two deciders at once: the second waits here for the first, and then takes back what it posted.
    statement = (
        insert(ProposalDecision)
        .values(
            proposal_id=proposal.id,
            proposed_by=proposal.proposed_by,
            decided_by=caller.subject,
            outcome=outcome,
            reason=reason,
            journal_id=journal_id,
            closed_month=closed_month,
            decided_at=now(),
        )
        .on_conflict_do_nothing(index_elements=["proposal_id"])
        .returning(ProposalDecision.__table__.c.proposal_id)  # type: ignore[attr-defined]
    )
    if db.execute(statement).first() is None:
        raise AlreadyDecided("Over dit voorstel is zojuist al beslist.")
