"""Payables over HTTP: a service registers the providers that its purses are spent with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import IdempotentCommand
from wallet.ledger import rules
from wallet.ledger.actions import register_owners
from wallet.ledger.payables.schemas import PayablesIn, PayablesOut
from wallet.ledger.postings import payable_owner
from wallet.ledger.refusals import OutsideScope

router = APIRouter(tags=["payables"])

Service = Annotated[Caller, require(Role.SERVICE)]


@router.post("/payables", status_code=201, response_model=PayablesOut)
def post_payables(body: PayablesIn, caller: Service, command: IdempotentCommand) -> Response:
    """Let a provider be owed; each of its payables opens at its first credit, and again is no change."""
    if caller.service is not None and not rules.may_owe_providers(caller.service):
        raise OutsideScope(f"Dienst {caller.service} heeft geen aanbieders om te betalen.")

    def register(db: Session) -> PayablesOut:
        owner = payable_owner(body.provider)
        register_owners(db, [owner])
        return PayablesOut(provider=body.provider, owner=owner)

    return command.once(body, register)
