"""The ledger over HTTP: transfers, proposals, holds, funds and accounts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.ledger import queries
from wallet.ledger.actions import open_fund_account, proposals, reading, spending
from wallet.ledger.postings import DEPOSIT, Posted
from wallet.ledger.refusals import ProposalNotFound, UnknownHold
from wallet.ledger.schemas import (
    AccountOut,
    AccountTransactionOut,
    CapturedOut,
    CaptureIn,
    ConfirmationIn,
    DecidedOut,
    DepositIn,
    FundIn,
    FundOut,
    HoldIn,
    HoldOut,
    JournalOut,
    PostedOut,
    ProposalOut,
    ProposedOut,
    RejectionIn,
    ReleaseIn,
    TransferIdOut,
    TransferOut,
    TransfersIn,
)

router = APIRouter(tags=["ledger"])

Asker = Annotated[Caller, require(Role.SERVICE, Role.FINANCE_MAKER)]
Service = Annotated[Caller, require(Role.SERVICE)]
Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
Auditor = Annotated[Caller, require(Role.AUDITOR)]
FinanceOrAuditor = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]
ServiceOrAuditor = Annotated[Caller, require(Role.SERVICE, Role.AUDITOR)]

Id = Annotated[str, Path(max_length=60)]
AddressPath = Annotated[str, Path(max_length=200, pattern=r"^[\x21-\x7e]+$")]
Code = Annotated[str, Path(max_length=40, pattern=r"^[\x21-\x7e]+$")]


@router.post("/transfers", status_code=201, response_model=PostedOut | ProposedOut)
def post_transfers(body: TransfersIn, caller: Asker, command: IdempotentCommand) -> Response:
    """Post transfers, all or none: at once for a service (201), as a proposal for finance (202)."""
    if caller.has(Role.SERVICE):
        return command.once(body, lambda db: PostedOut.of(spending.post_for_service(db, body, caller)))
    return command.once(body, lambda db: ProposedOut(id=proposals.propose_transfers(db, body, caller).id), 202)


@router.post("/transfers/{proposal_id}/confirmations", status_code=201, response_model=DecidedOut)
def post_transfer_confirmation(
    proposal_id: Id, caller: Checker, command: IdempotentCommand, body: ConfirmationIn | None = None
) -> Response:
    """Carry out what somebody else proposed."""
    return command.once(body, lambda db: _confirmed(db, proposal_id, caller, proposals.TRANSFER))


@router.post("/transfers/{proposal_id}/rejections", status_code=201, response_model=DecidedOut)
def post_transfer_rejection(
    proposal_id: Id, body: RejectionIn, caller: Checker, command: IdempotentCommand
) -> Response:
    """End what somebody else proposed, with a reason."""
    return command.once(body, lambda db: _rejected(db, proposal_id, body, caller, proposals.TRANSFER))


@router.get("/transfers/{transfer_id}")
def get_transfer(transfer_id: Id, _: FinanceOrAuditor, db: ReadSession) -> TransferOut | JournalOut | ProposalOut:
    """One transfer, a whole journal (by its own id, or by a line that several transfers share), or a proposal."""
    return reading.find_transfer(db, transfer_id)


@router.post("/holds", status_code=201, response_model=HoldOut)
def post_hold(body: HoldIn, caller: Service, command: IdempotentCommand) -> Response:
    """Set an amount apart."""
    return command.once(body, lambda db: _hold_out(spending.open_hold(db, body, caller)))


@router.get("/holds/{hold_id}")
def get_hold(hold_id: Id, caller: ServiceOrAuditor, db: ReadSession) -> HoldOut:
    """One hold: a service sees its own."""
    known = _hold_id(hold_id)
    return _hold_out(reading.find_hold(db, known) if caller.has(Role.AUDITOR) else spending.own_hold(db, known, caller))


@router.post("/holds/{hold_id}/captures", status_code=201, response_model=CapturedOut)
def post_capture(hold_id: Id, body: CaptureIn, caller: Service, command: IdempotentCommand) -> Response:
    """Pay a part of a hold, or all that remains."""
    known = _hold_id(hold_id)

    def capture(db: Session) -> CapturedOut:
        posted, hold = spending.capture_hold(db, known, body, caller)
        return CapturedOut(**PostedOut.of(posted).model_dump(), hold=_hold_out(hold))

    return command.once(body, capture)


@router.post("/holds/{hold_id}/releases", status_code=201, response_model=HoldOut)
def post_release(hold_id: Id, caller: Service, command: IdempotentCommand, body: ReleaseIn | None = None) -> Response:
    """Give back what remains of a hold."""
    known = _hold_id(hold_id)
    return command.once(body, lambda db: _hold_out(spending.release_hold(db, known, caller)))


@router.post("/funds", status_code=201, response_model=FundOut)
def post_fund(body: FundIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Open a fund, empty."""

    def open_fund(db: Session) -> FundOut:
        open_fund_account(db, body.code, body.name, body.asset, caller.actor)
        return reading.find_fund(db, body.code)

    return command.once(body, open_fund)


@router.get("/funds/{code}")
def get_fund(code: Code, _: FinanceOrAuditor, db: ReadSession) -> FundOut:
    """One fund and what it can still spend."""
    return reading.find_fund(db, code)


@router.post("/funds/{code}/deposits", status_code=202, response_model=ProposedOut)
def post_deposit(code: Code, body: DepositIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Propose to put money into a fund."""
    return command.once(body, lambda db: ProposedOut(id=proposals.propose_deposit(db, code, body, caller).id), 202)


@router.post("/funds/{code}/deposits/{proposal_id}/confirmations", status_code=201, response_model=DecidedOut)
def post_deposit_confirmation(
    code: Code, proposal_id: Id, caller: Checker, command: IdempotentCommand, body: ConfirmationIn | None = None
) -> Response:
    """Put the money into the fund that somebody else proposed."""
    return command.once(body, lambda db: _confirmed(db, proposal_id, caller, DEPOSIT, code))


@router.post("/funds/{code}/deposits/{proposal_id}/rejections", status_code=201, response_model=DecidedOut)
def post_deposit_rejection(
    code: Code, proposal_id: Id, body: RejectionIn, caller: Checker, command: IdempotentCommand
) -> Response:
    """End a deposit that somebody else proposed, with a reason."""
    return command.once(body, lambda db: _rejected(db, proposal_id, body, caller, DEPOSIT, code))


@router.get("/accounts")
def get_accounts(
    _: Auditor,
    db: ReadSession,
    request: Request,
    response: Response,
    prefix: Annotated[str, Query(max_length=200, pattern=r"^[\x21-\x7e]*$")] = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[AccountOut]:
    """The accounts whose address starts with a prefix, by address."""
    position = decode_cursor(cursor, after=str)
    found = queries.accounts_after(db, prefix, position["after"] if position else None, limit + 1)
    next_cursor = encode_cursor({"after": found[limit - 1].address}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[AccountOut.model_validate(row) for row in found[:limit]], next_cursor=next_cursor)


@router.get("/accounts/{address}")
def get_account(address: AddressPath, _: Auditor, db: ReadSession) -> AccountOut:
    """One account with its balance."""
    return AccountOut.model_validate(reading.find_account(db, address))


@router.get("/accounts/{address}/transactions")
def get_account_transactions(
    address: AddressPath,
    _: Auditor,
    db: ReadSession,
    request: Request,
    response: Response,
    as_of_block: Annotated[int | None, Query(alias="asOfBlock", ge=0, le=2**63 - 1)] = None,
    as_of_date: Annotated[date | None, Query(alias="asOfDate")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[AccountTransactionOut]:
    """The entries of one account, newest first; as they were under a block, or on a value date."""
    account = reading.find_account(db, address)
    position = decode_cursor(cursor, before=int)
    before = position["before"] if position else None
    found = queries.account_transactions(db, account.id, before, as_of_block, as_of_date, limit + 1)
    next_cursor = encode_cursor({"before": found[limit - 1].version}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    items = [AccountTransactionOut.model_validate(row) for row in found[:limit]]
    return PageOut(items=items, next_cursor=next_cursor)


def _confirmed(db: Session, proposal_id: str, caller: Caller, subject: str, fund: str | None = None) -> DecidedOut:
    known = _proposal_id(proposal_id)
    return _decided(known, proposals.confirm(db, known, caller, subject, fund))


def _rejected(
    db: Session, proposal_id: str, body: RejectionIn, caller: Caller, subject: str, fund: str | None = None
) -> DecidedOut:
    known = _proposal_id(proposal_id)
    proposals.reject(db, known, body.reason, caller, subject, fund)
    return DecidedOut(id=known, state="rejected", journal_id=None, transfers=[])


def _decided(proposal_id: UUID, posted: Posted) -> DecidedOut:
    transfers = [TransferIdOut(id=each) for each in posted.transfer_ids]
    return DecidedOut(id=proposal_id, state="confirmed", journal_id=str(posted.journal_id), transfers=transfers)


def _hold_out(row: Row[Any]) -> HoldOut:
    return HoldOut.model_validate(row)


def _proposal_id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise ProposalNotFound
    return known


def _hold_id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise UnknownHold(f"Reservering {text} bestaat niet.")
    return known
