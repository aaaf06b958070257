"""Balances over HTTP: a service asks for many accounts of its scheme at once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from wallet.ledger.actions import spending
from wallet.ledger.balances import queries
from wallet.ledger.balances.schemas import BalanceOut, BalancesOut
from wallet.ledger.schemas import Address

router = APIRouter(tags=["balances"])

MOST_ASKED = 200
"""Accounts in one question: as many as an address line holds with room to spare."""

ServiceOrAuditor = Annotated[Caller, require(Role.SERVICE, Role.AUDITOR)]


@router.get("/balances")
def get_balances(
    account: Annotated[list[Address], Query(min_length=1, max_length=MOST_ASKED)],
    caller: ServiceOrAuditor,
    db: ReadSession,
) -> BalancesOut:
    """What stands on each of these accounts; for a service those of its own scheme."""
    spending.check_scope(caller, account)
    return BalancesOut(items=[BalanceOut.model_validate(row) for row in queries.balances(db, account)])
