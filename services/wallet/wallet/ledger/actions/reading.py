"""Finding what a reader asks for, or saying that it is not there."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller
from foundation.identifiers import identifier
from wallet.ledger import queries, rules
from wallet.ledger.holds import queries as holds
from wallet.ledger.models import Journal
from wallet.ledger.periods import queries as periods
from wallet.ledger.postings import fund_address
from wallet.ledger.queries import AccountRow
from wallet.ledger.refusals import (
    AccountNotFound,
    BlockNotThere,
    FundNotFound,
    ProposalNotFound,
    TransferNotFound,
    UnknownHold,
)
from wallet.ledger.schemas import (
    AccountThenOut,
    FundOut,
    JournalOut,
    ProposalOut,
    ReversalOut,
    TransferIn,
    TransferOut,
)

_SHOWN = {"kind", "value_date", "recorded_at", "actor", "on_behalf_of", "decision", "reason"}
_ID = re.compile(r"([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,8}))?")


def find_transfer(db: Session, transfer_id: str) -> TransferOut | JournalOut | ProposalOut:
    """Give a transfer by `<journal>-<line>`, a journal by its id or by a merged line, or a proposal by its UUID."""
    place = journal_and_line(transfer_id)
    if place is None:
        proposal_id = identifier(transfer_id)
        if proposal_id is None:
            raise TransferNotFound
        return find_proposal(db, proposal_id)
    journal_id, line = place
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


def journal_and_line(transfer_id: str) -> tuple[int, int | None] | None:
    """Read `<journal>-<line>` or `<journal>`; None for anything else."""
    match = _ID.fullmatch(transfer_id)
    return None if match is None else (int(match[1]), None if match[2] is None else int(match[2]))


def proposal_id_in(text: str) -> UUID:
    """Read the id of a proposal. Raises `ProposalNotFound` for what cannot be one."""
    known = identifier(text)
    if known is None:
        raise ProposalNotFound
    return known


def find_proposal(db: Session, proposal_id: UUID) -> ProposalOut:
    """Give a proposal to post something, with what became of it."""
    proposal = queries.proposal(db, proposal_id)
    if proposal is None or "transfers" not in proposal.posting:
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
        reverses=proposal.posting.get("reverses"),
        receivable=proposal.posting.get("receivable"),
    )


def find_account(db: Session, address: str, caller: Caller | None = None) -> AccountRow:
    """Give an account; to a service only one of its own scheme. Raises `AccountNotFound`."""
    found = queries.account(db, address)
    if found is None or not _readable(caller, address):
        raise AccountNotFound
    return found


def _readable(caller: Caller | None, address: str) -> bool:
    if caller is None or caller.service is None:
        return True
    return rules.outside_scope(caller.service, [address]) is None


def account_then(db: Session, account: AccountRow, as_of_block: int | None, as_of_date: date | None) -> AccountThenOut:
    """Give an account as it was under a block, or on a value date. Raises `BlockNotThere`."""
    check_block(db, as_of_block)
    then = next(periods.totals(db, periods.AsOf(as_of_block, as_of_date), account.address), None)
    debit, credit = (then.debit, then.credit) if then else (0, 0)
    return AccountThenOut(
        address=account.address,
        asset=account.asset,
        kind=account.kind,
        purse=account.purse,
        balance=credit - debit,
        debit=debit,
        credit=credit,
    )


def check_block(db: Session, number: int | None) -> None:
    """Raise `BlockNotThere` for a block that is not there; 0 is the time before the first."""
    if number is not None and not periods.block_is_there(db, number):
        raise BlockNotThere(number)


def find_fund(db: Session, code: str, caller: Caller | None = None) -> FundOut:
    """Give a fund; to a service only one of its own scheme. Raises `FundNotFound`."""
    fund, account = queries.fund(db, code), queries.account(db, fund_address(code))
    if fund is None or account is None or not _readable(caller, account.address):
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
    found = holds.hold(db, hold_id)
    if found is None:
        raise UnknownHold(f"Reservering {hold_id} bestaat niet.")
    return found


def _transfer(row: Row[Any]) -> TransferOut:
    fields = {key: value for key, value in row._mapping.items() if key not in ("journal_id", "line")}
    reversed_by = [ReversalOut(**each) for each in fields.pop("reversed_by") or ()]
    return TransferOut(
        id=f"{row.journal_id}-{row.line}",
        journal_id=str(row.journal_id),
        **fields,
        reversed_by=reversed_by,
        reversed_amount=sum(each.amount for each in reversed_by),
    )
