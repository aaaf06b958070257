"""Buying call credit with a purse: written down, asked of the wallet, and answered once.

The wallet is asked outside any transaction; whatever stops in between, the same question with the same key brings to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from belkosten import postings
from belkosten.models import Purchase
from belkosten.queries import participants, providers, purchases
from belkosten.refusals import NotASeller, PurchaseIdReused, PurchaseRefused
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.money import Cents, euros
from foundation.outbox import DeliveryRefused
from foundation.refusals import Problem
from wallet_contract.client import WalletClient
from wallet_contract.messages import PostTransfers

SELLS = "credit"
PRODUCT = "prepaid"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a seller asks for, under an id of its own."""

    seller: str
    purchase_id: str
    participant_number: str
    amount: Cents


@dataclass(frozen=True, slots=True)
class Question:
    """What the wallet is asked for a purchase, and out of which purse."""

    purchase: UUID
    purse: str
    key: str
    message: PostTransfers


def ask(db: Session, asked: Asked) -> Purchase:
    """Write a purchase down, or give the one that is there under this id.

    Raises `NotASeller`, `PurchaseIdReused`, and `PurchaseRefused` where the buyer has no call credit today.
    """
    seller = providers.find(db, asked.seller)
    if seller is None or SELLS not in seller.offers:
        raise NotASeller("U staat niet ingeschreven als verkoper van beltegoed.")
    known = purchases.of_seller(db, asked.seller, asked.purchase_id)
    if known is not None:
        if (known.participant_number, known.amount) != (asked.participant_number, asked.amount):
            raise PurchaseIdReused(
                "Onder dit nummer staat al een andere aankoop. Neem een nieuw nummer.", pointer="/purchaseId"
            )
        return known
    today = business_date()
    if participants.active(db, asked.participant_number, PRODUCT, today) is None:
        raise PurchaseRefused(
            "Op dit nummer staat vandaag geen beltegoed.", code="notRegistered", pointer="/participantNumber"
        )
    purchase = Purchase(
        id=new_id(),
        seller=asked.seller,
        purchase_id=asked.purchase_id,
        participant_number=asked.participant_number,
        amount=asked.amount,
        state="asked",
        bought_on=today,
        bought_at=now(),
    )
    db.add(purchase)
    db.flush()
    return purchase


def question(db: Session, purchase: Purchase) -> Question:
    """Give what the wallet is asked: the same, with the same key, however often."""
    seller = providers.find(db, purchase.seller)
    buyer = participants.find(db, purchase.participant_number)
    assert seller is not None and buyer is not None, "a purchase refers to both"
    message = postings.purchase(
        purchase.id,
        buyer.number,
        buyer.holder_id,
        str(seller.payee_id),
        Cents(purchase.amount),
        purchase.bought_on,
    )
    return Question(purchase.id, postings.purse_of(buyer.holder_id), f"purchase/{purchase.id}", message)


def give(purchase: Purchase) -> Purchase:
    """Give a purchase that is booked. Raises `PurchaseRefused` for one that the wallet refused."""
    if purchase.state == "refused":
        raise _refusal(purchase)
    return purchase


def _refusal(purchase: Purchase) -> PurchaseRefused:
    code = purchase.problem_code or ""
    if code != "tooLittle" or purchase.available is None:
        return PurchaseRefused("De aankoop kan nu niet worden betaald.", code=code)
    text = (
        f"Er is € {euros(purchase.available)} beltegoed; gevraagd is € {euros(purchase.amount)}."
        " Neem voor een ander bedrag een nieuw nummer."
    )
    return PurchaseRefused(text, errors=[Problem("/amount", code, text, {"available": purchase.available})])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the wallet said: the transfer that paid, or the code of its refusal and what there was."""

    transfer_id: str | None = None
    problem_code: str | None = None
    available: int | None = None


def ask_wallet(wallet: WalletClient, asked: Question, on_behalf_of: str) -> Answer:
    """Have a purchase paid out of the purse; raises `DeliveryFailed` when it is not known whether it was."""
    try:
        posted = wallet.post_transfers(asked.message.as_json(), key=asked.key, on_behalf_of=on_behalf_of)
    except DeliveryRefused as refused:
        [purse] = wallet.balances([asked.purse])
        return Answer(problem_code=refused.code, available=purse["available"])
    return Answer(transfer_id=str(posted["transfers"][0]["id"]))


def keep(db: Session, purchase: UUID, answer: Answer) -> Purchase:
    """Write down what the wallet said, and give the purchase as it stands; of two answers the first counts."""
    purchases.answer(
        db,
        purchase,
        transfer_id=answer.transfer_id,
        problem_code=answer.problem_code,
        available=answer.available,
    )
    found = purchases.find(db, purchase)
    assert found is not None, "it was written down before the wallet was asked"
    db.refresh(found)
    return found
