"""The ledger over HTTP: transfers, proposals, funds and accounts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, database_of
from foundation.gathering import Gatherer
from foundation.idempotency import IdempotentCommand
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import Day, PageOut
from wallet.ledger import queries
from wallet.ledger.actions import open_fund_account, proposals, reading, spending
from wallet.ledger.corrections import actions as reversals
from wallet.ledger.postings import DEPOSIT, Posting
from wallet.ledger.schemas import (
    AccountOut,
    AccountThenOut,
    AccountTransactionOut,
    ConfirmationIn,
    DecidedOut,
    DepositIn,
    FundIn,
    FundOut,
    JournalOut,
    PostedOut,
    ProposalOut,
    ProposedOut,
    RejectionIn,
    TransferOut,
    TransfersIn,
)

router = APIRouter(tags=["ledger"])

Asker = Annotated[Caller, require(Role.SERVICE, Role.FINANCE_MAKER)]
Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
Auditor = Annotated[Caller, require(Role.AUDITOR)]
AuditorOrService = Annotated[Caller, require(Role.AUDITOR, Role.SERVICE)]
FinanceOrAuditor = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]
FundReader = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR, Role.SERVICE)]

Id = Annotated[str, Path(max_length=60)]
AddressPath = Annotated[str, Path(max_length=200, pattern=r"^[\x21-\x7e]+$")]
AsOfBlock = Annotated[int | None, Query(alias="asOfBlock", ge=0, le=2**63 - 1)]
AsOfDate = Annotated[Day | None, Query(alias="asOfDate")]
Code = Annotated[str, Path(max_length=40, pattern=r"^[\x21-\x7e]+$")]


async def _gatherer(request: Request) -> Gatherer[Posting]:
    state = request.app.state
    if not hasattr(state, "posting_gatherer"):
        state.posting_gatherer = Gatherer(database_of(request), spending.post_together)
    made: Gatherer[Posting] = state.posting_gatherer
    return made


PostingGatherer = Annotated[Gatherer[Posting], Depends(_gatherer)]


@router.post("/transfers", status_code=201, response_model=PostedOut | ProposedOut)
async def post_transfers(
    body: TransfersIn, caller: Asker, command: IdempotentCommand, gatherer: PostingGatherer
) -> Response:
    """Post transfers, all or none: at once for a service (201), as a proposal for finance (202)."""
    if not caller.has(Role.SERVICE):
        return await run_in_threadpool(
            command.once, body, lambda db: ProposedOut(id=proposals.propose_transfers(db, body, caller).id), 202
        )

    def alone(db: Session) -> PostedOut:
        return PostedOut.of(spending.post_for_service(db, body, caller))

    if spending.may_be_gathered(body):
        return await gatherer.once(command, body, spending.allowed_posting(body, caller), alone)
    return await run_in_threadpool(command.once, body, alone)


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


@router.post("/funds", status_code=201, response_model=FundOut)
def post_fund(body: FundIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Open a fund, empty."""

    def open_fund(db: Session) -> FundOut:
        open_fund_account(db, body.code, body.name, body.asset, caller.actor)
        return reading.find_fund(db, body.code)

    return command.once(body, open_fund)


@router.get("/funds/{code}")
def get_fund(code: Code, caller: FundReader, db: ReadSession) -> FundOut:
    """One fund and what it can still spend; for a service one of its own scheme."""
    return reading.find_fund(db, code, caller)


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
def get_account(
    address: AddressPath,
    caller: AuditorOrService,
    db: ReadSession,
    as_of_block: AsOfBlock = None,
    as_of_date: AsOfDate = None,
) -> AccountOut | AccountThenOut:
    """One account with its balance; as it was under a block, or on a value date. For a service one of its own scheme."""
    account = reading.find_account(db, address, caller)
    if as_of_block is None and as_of_date is None:
        return AccountOut.model_validate(account)
    return reading.account_then(db, account, as_of_block, as_of_date)


@router.get("/accounts/{address}/transactions")
def get_account_transactions(
    address: AddressPath,
    _: Auditor,
    db: ReadSession,
    request: Request,
    response: Response,
    as_of_block: AsOfBlock = None,
    as_of_date: AsOfDate = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[AccountTransactionOut]:
    """The entries of one account, newest first; as they were under a block, or on a value date."""
    account = reading.find_account(db, address)
    reading.check_block(db, as_of_block)
    position = decode_cursor(cursor, before=int)
    before = position["before"] if position else None
    found = queries.account_transactions(db, account.id, before, as_of_block, as_of_date, limit + 1)
    next_cursor = encode_cursor({"before": found[limit - 1].version}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    items = [AccountTransactionOut.model_validate(row) for row in found[:limit]]
    return PageOut(items=items, next_cursor=next_cursor)


def _confirmed(db: Session, proposal_id: str, caller: Caller, subject: str, fund: str | None = None) -> DecidedOut:
    known = reading.proposal_id_in(proposal_id)
    if subject == proposals.TRANSFER and reversals.is_reversal(db, known):
        return DecidedOut.confirmed(known, reversals.confirm_reversal(db, known, caller))
    return DecidedOut.confirmed(known, proposals.confirm(db, known, caller, subject, fund))


def _rejected(
    db: Session, proposal_id: str, body: RejectionIn, caller: Caller, subject: str, fund: str | None = None
) -> DecidedOut:
    known = reading.proposal_id_in(proposal_id)
    if subject == proposals.TRANSFER and reversals.is_reversal(db, known):
        reversals.reject_reversal(db, known, body.reason, caller)
    else:
        proposals.reject(db, known, body.reason, caller, subject, fund)
    return DecidedOut.rejected(known)
