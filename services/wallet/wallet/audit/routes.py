"""The seals and the trial balance, over HTTP."""

from __future__ import annotations

from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.responses import StreamingResponse

from foundation.access import Caller, Role, require
from foundation.database import ReadSession, database_of
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import Day, PageOut
from wallet.audit import actions, queries
from wallet.audit.exports.routes import Download
from wallet.audit.schemas import BlockOut, ProofOut, TrialBalanceOut, trial_balance_json
from wallet.ledger.periods.queries import AsOf

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


@router.get("/trial-balance", response_class=StreamingResponse, responses={200: {"model": TrialBalanceOut}})
def get_trial_balance(
    _: FinanceOrAuditor,
    request: Request,
    as_of_block: Annotated[int | None, Query(alias="asOfBlock", ge=1, le=2**63 - 1)] = None,
    as_of_date: Annotated[Day | None, Query(alias="asOfDate")] = None,
) -> Download:
    """What was debited and credited per account, now, as of a block or as of a value date."""
    pieces = trial_balance_json(actions.trial_balance(database_of(request), AsOf(as_of_block, as_of_date)))
    # The first piece before the headers: a block that is not there is still a problem document.
    first = next(pieces)
    return Download(pieces, chain([first], pieces), media_type="application/json")


@router.get("/transfers/{transfer_id}/proof")
def get_proof(transfer_id: Annotated[str, Path(max_length=40)], caller: HolderOrAuditor, db: ReadSession) -> ProofOut:
    """That a transfer is under a seal, to be checked without this software."""
    return ProofOut.of(actions.prove_transfer(db, transfer_id, caller))
