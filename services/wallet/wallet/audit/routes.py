"""The seals and the trial balance, over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.audit import actions, queries
from wallet.audit.schemas import AssetTotalsOut, BlockOut, ProofOut, TrialBalanceOut

router = APIRouter(tags=["audit"])

Auditor = Annotated[Caller, require(Role.AUDITOR)]
FinanceOrAuditor = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]
HolderOrAuditor = Annotated[Caller, require(Role.PASS_HOLDER, Role.AUDITOR)]

BlockNumber = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/blocks")
def get_blocks(
    _: Auditor,
    db: ReadSession,
    request: Request,
    response: Response,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[BlockOut]:
    """The blocks, newest first."""
    position = decode_cursor(cursor, before=int)
    found = queries.blocks_before(db, position["before"] if position else None, limit + 1)
    next_cursor = encode_cursor({"before": found[limit - 1].number}) if len(found) > limit else None
    link_next(request, response, next_cursor)
    return PageOut(items=[BlockOut.of(block) for block in found[:limit]], next_cursor=next_cursor)


@router.get("/blocks/{number}")
def get_block(number: BlockNumber, _: Auditor, db: ReadSession) -> BlockOut:
    """One block."""
    return BlockOut.of(actions.find_block(db, number))


@router.get("/trial-balance")
def get_trial_balance(
    _: FinanceOrAuditor,
    db: ReadSession,
    as_of_block: Annotated[int | None, Query(alias="asOfBlock", ge=1, le=2**63 - 1)] = None,
    as_of_date: Annotated[date | None, Query(alias="asOfDate")] = None,
) -> TrialBalanceOut:
    """What was debited and credited per account, now, as of a block or as of a value date."""
    totals = actions.trial_balance(db, as_of_block, as_of_date)
    return TrialBalanceOut({asset: AssetTotalsOut.of(accounts) for asset, accounts in totals.items()})


@router.get("/transfers/{transfer_id}/proof")
def get_proof(transfer_id: Annotated[str, Path(max_length=40)], caller: HolderOrAuditor, db: ReadSession) -> ProofOut:
    """That a transfer is under a seal, to be checked without this software."""
    return ProofOut.of(actions.prove_transfer(db, transfer_id, caller))
