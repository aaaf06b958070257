"""Accounts of loans over HTTP: the scheme that lends opens one for each loan."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import IdempotentCommand
from wallet.ledger import rules
from wallet.ledger.actions import open_loan
from wallet.ledger.loans.schemas import LoanAccountIn, LoanAccountOut
from wallet.ledger.refusals import OutsideScope

router = APIRouter(tags=["loans"])

Service = Annotated[Caller, require(Role.SERVICE)]


@router.post("/loan-accounts", status_code=201, response_model=LoanAccountOut)
def post_loan_account(body: LoanAccountIn, caller: Service, command: IdempotentCommand) -> Response:
    """Open the account of a loan; again with the same principal is no change, with another it is refused."""
    if caller.service is not None and not rules.may_lend(caller.service):
        raise OutsideScope(f"Dienst {caller.service} leent geen geld uit.")

    def open_account(db: Session) -> LoanAccountOut:
        return LoanAccountOut(address=open_loan(db, body.loan, body.principal))

    return command.once(body, open_account)
