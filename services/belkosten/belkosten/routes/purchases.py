"""Call credit bought with the purse on the Dordtpas (`prepaid`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from belkosten.actions import purchases
from belkosten.actions.purchases import Answer, Asked
from belkosten.models import Purchase
from belkosten.queries import purchases as purchase_queries
from belkosten.refusals import NotASeller, PurchaseIdReused, PurchaseRefused, UnknownPurchase
from belkosten.schemas.providers import PurchaseIn, PurchaseOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import Command, IdempotentCommand
from foundation.identifiers import identifier
from foundation.money import Cents
from foundation.outbox import DeliveryFailed
from foundation.refusals import Conflict, Unavailable

router = APIRouter(tags=["purchases"])

Seller = Annotated[Caller, require(Role.PROVIDER)]


@router.post("/call-credit-purchases", status_code=201, response_model=PurchaseOut)
def post_purchase(request: Request, body: PurchaseIn, caller: Seller, command: IdempotentCommand) -> Response:
    """Pay for call credit out of somebody's purse; the same purchase again is answered with 200 and changes nothing."""
    asked = Asked(_seller(caller), body.purchase_id, body.participant_number, Cents(body.amount))
    refusal: Conflict | None = None
    purchase: Purchase | None = None
    answer: Answer | None = None
    try:
        purchase = command.database.run(lambda db: purchases.ask(db, asked))
        answer = _answer(request, purchase, command) if purchase.state == "asked" else None
    except (PurchaseRefused, PurchaseIdReused) as conflict:
        refusal = conflict
    is_first = answer is not None

    def act(db: Session) -> PurchaseOut:
        if purchase is None:
            assert refusal is not None, "without a purchase something was refused"
            raise refusal
        found = purchases.keep(db, purchase.id, answer) if answer is not None else purchase
        return PurchaseOut.model_validate(purchases.give(found))

    return command.once(body, act, lambda: 201 if is_first else 200)


def _answer(request: Request, purchase: Purchase, command: Command) -> Answer:
    """Ask the wallet and write its answer down. Raises `Unavailable` when it is not known whether it paid."""
    with command.database.reading() as db:
        question = purchases.question(db, purchase)
    try:
        return purchases.ask_wallet(request.app.state.wallet, question, command.caller.subject)
    except DeliveryFailed as failed:
        raise Unavailable(
            "Het is nu niet bekend of er is betaald. Stuur dezelfde aankoop zo opnieuw.", headers={"Retry-After": "5"}
        ) from failed


@router.get("/call-credit-purchases/{purchase}")
def get_purchase(purchase: str, caller: Seller, db: ReadSession) -> PurchaseOut:
    """Give a purchase of one's own."""
    found = purchase_queries.find(db, identifier(purchase))
    if found is None or found.seller != _seller(caller):
        raise UnknownPurchase
    return PurchaseOut.model_validate(found)


def _seller(caller: Caller) -> str:
    if caller.organisation_id is None:
        raise NotASeller("Uw token noemt geen organisatie; meld u aan als verkoper.")
    return caller.organisation_id
