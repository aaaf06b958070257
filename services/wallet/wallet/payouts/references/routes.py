"""Payment references over HTTP: a scheme that lends says under which references it expects money."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import IdempotentCommand
from wallet.ledger import rules
from wallet.ledger.refusals import OutsideScope
from wallet.payouts.references import actions
from wallet.payouts.references.schemas import PaymentReferenceIn, PaymentReferenceOut

router = APIRouter(tags=["payment references"])

Service = Annotated[Caller, require(Role.SERVICE)]


@router.post("/payment-references", status_code=201, response_model=PaymentReferenceOut)
def post_payment_reference(body: PaymentReferenceIn, caller: Service, command: IdempotentCommand) -> Response:
    """Expect money under a reference: what comes in is booked for this scheme and announced. Again is no change."""
    if not rules.may_lend(caller.actor):
        raise OutsideScope(f"Voor dienst {caller.actor} komt geen geld binnen.")

    def register(db: Session) -> PaymentReferenceOut:
        return PaymentReferenceOut.model_validate(actions.register(db, caller.actor, body.reference, body.subject))

    return command.once(body, register)
