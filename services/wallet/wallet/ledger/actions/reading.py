"""Finding what a reader asks for, or saying that it is not there."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from foundation.identifiers import identifier
from wallet.ledger import queries
from wallet.ledger.models import Journal
from wallet.ledger.postings import fund_address
from wallet.ledger.queries import AccountRow
from wallet.ledger.refusals import AccountNotFound, FundNotFound, ProposalNotFound, TransferNotFound, UnknownHold
from wallet.ledger.schemas import FundOut, JournalOut, ProposalOut, TransferIn, TransferOut

_SHOWN = {"kind", "value_date", "recorded_at", "actor", "on_behalf_of", "decision", "reason"}
_ID = re.compile(r"([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,8}))?")


def find_transfer(db: Session, transfer_id: str) -> TransferOut | JournalOut | ProposalOut:
    """Give a transfer by `<journal>-<line>`, a journal by its id or by a merged line, or a proposal by its UUID."""
    match = _ID.fullmatch(transfer_id)
    if match is None:
        proposal_id = identifier(transfer_id)
        if proposal_id is None:
            raise TransferNotFound
        return find_proposal(db, proposal_id)
    journal_id, line = int(match[1]), None if match[2] is None else int(match[2])
    if line is not None:
        rows = queries.transfers_in(db, journal_id, (line + 1) // 2)
        if rows:
            return _transfer(rows[0])
        if not queries.has_line(db, journal_id, line):
            raise TransferNotFound
    journal = db.get(Journal, journal_id)
    if journal is None:
        raise TransferNotFound
    transfers = [_transfer(row) for row in queries.transfers_in(db, journal_id)]
    return JournalOut(id=str(journal.id), **journal.model_dump(include=_SHOWN), transfers=transfers)


def find_proposal(db: Session, proposal_id: UUID) -> ProposalOut:
    """Give a proposal with what became of it."""
    proposal = queries.proposal(db, proposal_id)
    if proposal is None:
        raise ProposalNotFound
    decision = queries.decision_on(db, proposal_id)
    state: Any = "proposed" if decision is None else decision.outcome
    subject: Any = proposal.subject
    journal_id = decision.journal_id if decision else None
    return ProposalOut(
        id=proposal.id,
        subject=subject,
        state=state,
        kind=proposal.posting["kind"],
        reason=proposal.reason,
        proposed_by=proposal.proposed_by,
        proposed_at=proposal.proposed_at,
        decided_by=decision.decided_by if decision else None,
        decided_at=decision.decided_at if decision else None,
        rejection=decision.reason if decision else None,
        journal_id=None if journal_id is None else str(journal_id),
        transfers=[TransferIn.model_validate(each) for each in proposal.posting["transfers"]],
    )


def find_account(db: Session, address: str) -> AccountRow:
    """Give an account. Raises `AccountNotFound`."""
    found = queries.account(db, address)
    if found is None:
        raise AccountNotFound
    return found


def find_fund(db: Session, code: str) -> FundOut:
    """Give a fund. Raises `FundNotFound`."""
    fund, account = queries.fund(db, code), queries.account(db, fund_address(code))
    if fund is None or account is None:
        raise FundNotFound
    return FundOut(
        code=fund.code,
        name=fund.name,
        address=account.address,
        asset=account.asset,
        balance=account.balance,
        held=account.held,
        available=account.balance - account.held,
    )


def find_hold(db: Session, hold_id: UUID) -> Row[Any]:
    """Give a hold. Raises `UnknownHold`."""
    found = queries.hold(db, hold_id)
    if found is None:
        raise UnknownHold(f"Reservering {hold_id} bestaat niet.")
    return found


def _transfer(row: Row[Any]) -> TransferOut:
    fields = {key: value for key, value in row._mapping.items() if key not in ("journal_id", "line")}
    return TransferOut(id=f"{row.journal_id}-{row.line}", journal_id=str(row.journal_id), **fields)
