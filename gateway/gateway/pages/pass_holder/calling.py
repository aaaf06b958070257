"""How a pass holder can telephone, as the page shows it: minutes and money, and never whom they called."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from foundation.access import Caller
from gateway.backends import Backends
from gateway.pages.pass_holder.notices import BELKOSTEN, in_time

MOST_NUMBERS = 100
MOST_PLACES = 50
WEEKDAYS = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")


@dataclass(frozen=True, slots=True)
class ApprovedNumber:
    """Somebody who can be called free of charge."""

    organisation: str
    number: str


@dataclass(frozen=True, slots=True)
class PhonePlace:
    """Where a telephone stands, and when one can come in: a line for each opening."""

    name: str
    address: str
    openings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallingCard:
    """The product that somebody takes part in: what is left this month, and what comes with it."""

    product: str
    state: str
    starts_on: str
    left: int | None
    minutes: int | None
    next_credit_on: str | None
    numbers: tuple[ApprovedNumber, ...] = ()
    places: tuple[PhonePlace, ...] = ()


async def calling_of(backends: Backends, caller: Caller) -> list[CallingCard] | None:
    """Give how a pass holder can telephone; none for who takes no part, None when it cannot be had now."""

    async def read() -> list[CallingCard]:
        found = await backends.read(BELKOSTEN, ("participants",), caller, {"holderId": caller.holder_id or ""})
        # One item for each product somebody had: all under the same number.
        numbers = dict.fromkeys(item["number"] for item in found["items"])
        cards = await asyncio.gather(*(_card(backends, caller, number) for number in numbers))
        return [card for card in cards if card is not None]

    return await in_time(read())


async def _card(backends: Backends, caller: Caller, number: str) -> CallingCard | None:
    participant = await backends.read(BELKOSTEN, ("participants", number), caller)
    product, state = participant["product"], participant["state"]
    if product is None or state not in ("requested", "upcoming", "active"):
        return None
    is_active = state == "active"
    return CallingCard(
        product=product,
        state=state,
        starts_on=participant["from"],
        left=participant["creditLeft"],
        minutes=participant["minutesLeft"],
        next_credit_on=participant["nextCreditOn"],
        numbers=await _numbers(backends, caller) if is_active and product == "belapp" else (),
        places=await _places(backends, caller) if is_active and product == "toestel" else (),
    )


async def _numbers(backends: Backends, caller: Caller) -> tuple[ApprovedNumber, ...]:
    found = await backends.read(BELKOSTEN, ("numbers",), caller, {"limit": str(MOST_NUMBERS)})
    return tuple(ApprovedNumber(item["organisation"], item["number"]) for item in found["items"])


async def _places(backends: Backends, caller: Caller) -> tuple[PhonePlace, ...]:
    found = await backends.read(BELKOSTEN, ("phone-places",), caller, {"limit": str(MOST_PLACES)})
    return tuple(PhonePlace(item["name"], item["address"], _openings(item)) for item in found["items"])


def _openings(place: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        f"{WEEKDAYS[one['weekday'] - 1]} van {one['opens']} tot {one['closes']} uur" for one in place["openingHours"]
    )
