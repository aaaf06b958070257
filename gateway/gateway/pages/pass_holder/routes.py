"""`/mijn`: what a pass holder has and owes, how they can telephone, what was decided, and what came in and went out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from foundation.refusals import Forbidden
from gateway.backends import Backends
from gateway.pages.browser import PassHolder
from gateway.pages.dutch import quarters_in_words
from gateway.pages.pass_holder.calling import calling_of
from gateway.pages.pass_holder.loans import loans_of
from gateway.pages.pass_holder.notices import Messages, newest_messages
from gateway.pages.pass_holder.texts import PURSES, PurseText, purse_text
from gateway.pages.rendering import PageRoute, Pages

WALLET = "wallet"
TRANSACTIONS_PER_PAGE = 20

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PurseCard:
    """One purse as it is shown."""

    text: PurseText
    asset: str
    available: int
    held: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of the timeline."""

    text: str
    purse: str
    date: str
    amount: int
    balance_after: int
    asset: str


@router.get("/mijn")
async def get_mijn(
    request: Request, session: PassHolder, cursor: Annotated[str | None, Query(max_length=500)] = None
) -> Response:
    """Show the purses, how to telephone, the loans, the newest messages and a page of the timeline, all asked for at once."""
    pages: Pages = request.app.state.pages
    backends: Backends = request.app.state.backends
    caller = session.caller
    if caller.holder_id is None:
        raise Forbidden("Bij uw aanmelding hoort geen pashouder.", code="noHolder")
    params = {"limit": str(TRANSACTIONS_PER_PAGE)} | ({"cursor": cursor} if cursor else {})
    holder = ("holders", caller.holder_id)
    purses, transactions, messages, loans, calling = await asyncio.gather(
        backends.read(WALLET, (*holder, "purses"), caller),
        backends.read(WALLET, (*holder, "transactions"), caller, params),
        newest_messages(backends, caller) if cursor is None else _no_messages_further_back(),
        loans_of(backends, caller) if cursor is None else _nothing_further_back(),
        calling_of(backends, caller) if cursor is None else _nothing_further_back(),
    )
    cards = purse_cards(purses["items"])
    return pages.show(
        request,
        "pass_holder/mijn.html",
        to_spend=sum(card.available for card in cards if card.text.spendable and card.asset == "EUR"),
        cards=cards,
        messages=messages,
        loans=loans,
        calling=calling,
        movements=[_movement(item) for item in transactions["items"]],
        is_first_page=cursor is None,
        earlier=_earlier(transactions.get("nextCursor")),
    )


async def _no_messages_further_back() -> Messages:
    return Messages()


async def _nothing_further_back() -> list[Any] | None:
    return []


def purse_cards(items: list[dict[str, Any]]) -> list[PurseCard]:
    """Give the purses in the order of our own list, what is unknown last."""
    order = list(PURSES)
    known = sorted(
        items,
        key=lambda item: (
            order.index(item["purse"]) if item["purse"] in order else len(order),
            item["purse"],
        ),
    )
    return [PurseCard(purse_text(item["purse"]), item["asset"], item["available"], item["held"]) for item in known]


def _movement(item: dict[str, Any]) -> Movement:
    return Movement(
        text=quarters_in_words(item["explanation"] or "Overboeking"),
        purse=purse_text(item["purse"]).name,
        date=item["valueDate"],
        amount=item["amount"],
        balance_after=item["balanceAfter"],
        asset=item["asset"],
    )


def _earlier(cursor: str | None) -> str | None:
    return None if cursor is None else "/mijn?" + urlencode({"cursor": cursor})
