"""`/mijn`: what a pass holder has and owes, how they can telephone, what was decided, and what came in and went out.

`/mijn/berichten`: all that they were told.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from foundation.access import Caller
from foundation.identifiers import identifier
from foundation.pages import id_before
from foundation.refusals import BadRequest, Forbidden
from gateway.backends import Backends
from gateway.pages.browser import FormFields, OwnForm, PassHolder
from gateway.pages.dutch import quarters_in_words
from gateway.pages.pass_holder.calling import calling_of
from gateway.pages.pass_holder.loans import loans_of
from gateway.pages.pass_holder.notices import NEWEST, PER_PAGE, SCHEMES, Messages, mark_read, messages_of
from gateway.pages.pass_holder.texts import PURSES, PurseText, purse_text
from gateway.pages.rendering import PageRoute, Pages
from gateway.sessions import Session

WALLET = "wallet"
TRANSACTIONS_PER_PAGE = 20
MESSAGES = "/mijn/berichten"
FROM_MIJN = "mijn"

Cursor = Annotated[str | None, Query(max_length=500)]

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
async def get_mijn(request: Request, session: PassHolder, cursor: Cursor = None) -> Response:
    """Show the purses, how to telephone, the loans, the newest messages and a page of the timeline, all asked for at once."""
    pages: Pages = request.app.state.pages
    backends: Backends = request.app.state.backends
    caller, holder_id = _holder(session)
    params = {"limit": str(TRANSACTIONS_PER_PAGE)} | ({"cursor": cursor} if cursor else {})
    holder = ("holders", holder_id)
    purses, transactions, messages, loans, calling = await asyncio.gather(
        backends.read(WALLET, (*holder, "purses"), caller),
        backends.read(WALLET, (*holder, "transactions"), caller, params),
        messages_of(backends, caller, NEWEST) if cursor is None else _no_messages_further_back(),
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


@router.get(MESSAGES)
async def get_messages(request: Request, session: PassHolder, cursor: Cursor = None) -> Response:
    """Show all messages, newest first, a page at a time."""
    pages: Pages = request.app.state.pages
    backends: Backends = request.app.state.backends
    caller, _ = _holder(session)
    # Refused here: a service that refuses it would count as one that does not answer.
    id_before(cursor)
    messages = await messages_of(backends, caller, PER_PAGE, cursor)
    return pages.show(
        request,
        "pass_holder/berichten.html",
        messages=messages,
        is_first_page=cursor is None,
        back=cursor or "",
    )


@router.post(MESSAGES + "/gelezen", dependencies=[OwnForm])
async def post_read(request: Request, session: PassHolder, fields: FormFields) -> Response:
    """Note that somebody read a message, and show it again where it stood."""
    backends: Backends = request.app.state.backends
    caller, _ = _holder(session)
    scheme, message, back = (fields.get(name, "") for name in ("regeling", "bericht", "terug"))
    if scheme not in SCHEMES or identifier(message) is None:
        raise BadRequest("Dit formulier is niet goed opgebouwd.")
    await mark_read(backends, caller, scheme, message)
    address = "/mijn" if back == FROM_MIJN else MESSAGES + (f"?{urlencode({'cursor': back})}" if back else "")
    return RedirectResponse(f"{address}#bericht-{message}", 303)


def _holder(session: Session) -> tuple[Caller, str]:
    """Give who is signed in, and of which pass holder the pages are."""
    if session.caller.holder_id is None:
        raise Forbidden("Bij uw aanmelding hoort geen pashouder.", code="noHolder")
    return session.caller, session.caller.holder_id


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
