"""What the municipality told a pass holder, by whichever scheme, as the page shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from foundation.access import Caller
from foundation.refusals import Refusal
from gateway.backends import Backends

BURGERBUDGET = "burgerbudget"
SOCIAAL_KREDIET = "sociaal-krediet"
BELKOSTEN = "belkosten"
WITH_NOTICES = (SOCIAAL_KREDIET, BELKOSTEN)
"""The schemes that give a holder's own messages under `/notices`; a new scheme is one name more."""
NEWEST = 3
DEADLINE_S = 3.0
"""How long a page waits for messages: nobody is kept from their money by a service that only explains it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One notice as it is shown; only a decision can be objected to."""

    id: str
    subject: str
    paragraphs: tuple[str, ...]
    date: str
    object_until: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Messages:
    """The newest messages of all schemes; not `whole` where one of them does not answer now."""

    newest: tuple[Message, ...] = ()
    whole: bool = True


async def newest_messages(backends: Backends, caller: Caller) -> Messages:
    """Give the newest messages: none for who takes part in nothing."""
    found = await asyncio.gather(
        _of_burgerbudget(backends, caller), *(_of_scheme(backends, caller, scheme) for scheme in WITH_NOTICES)
    )
    known = [message for messages in found if messages is not None for message in messages]
    newest = sorted(known, key=lambda message: (message.date, message.id), reverse=True)[:NEWEST]
    return Messages(tuple(newest), whole=None not in found)


async def _of_burgerbudget(backends: Backends, caller: Caller) -> list[Message] | None:
    async def read() -> list[Any]:
        found = await backends.read(BURGERBUDGET, ("participants",), caller, {"holderId": caller.holder_id or ""})
        if not found["items"]:
            return []
        path = ("participants", found["items"][0]["number"], "notices")
        items: list[Any] = (await backends.read(BURGERBUDGET, path, caller, {"limit": str(NEWEST)}))["items"]
        return items

    return await in_time(_messages(read()))


async def _of_scheme(backends: Backends, caller: Caller, scheme: str) -> list[Message] | None:
    async def read() -> list[Any]:
        items: list[Any] = (await backends.read(scheme, ("notices",), caller, {"limit": str(NEWEST)}))["items"]
        return items

    return await in_time(_messages(read()))


async def _messages(items: Awaitable[list[Any]]) -> list[Message]:
    return [_message(item) for item in await items]


async def in_time(found: Awaitable[list[Any]]) -> list[Any] | None:
    """Give what a service tells within the deadline; None when it refuses, is slow or is away."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await found
    except (Refusal, TimeoutError):
        return None


def _message(item: dict[str, Any]) -> Message:
    return Message(
        id=item["id"],
        subject=item["subject"],
        paragraphs=tuple(item["text"].split("\n\n")),
        date=item["madeOn"],
        object_until=item.get("objectUntil"),
        is_new=item["readAt"] is None,
    )
