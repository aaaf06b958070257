"""What the municipality told a pass holder, by whichever scheme, as the pages show it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from foundation.access import Caller
from foundation.pages import encode_cursor
from foundation.refusals import Refusal
from gateway.backends import Backends

BURGERBUDGET = "burgerbudget"
SOCIAAL_KREDIET = "sociaal-krediet"
BELKOSTEN = "belkosten"
SCHEMES = (BURGERBUDGET, SOCIAAL_KREDIET, BELKOSTEN)
"""The schemes that tell people things, and take it under `/notices/{id}/readings` that it was read."""
NEWEST = 3
PER_PAGE = 20
DEADLINE_S = 3.0
"""How long a page waits for messages: nobody is kept from their money by a service that only explains it."""

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Message:
    """One notice as it is shown; only a decision can be objected to."""

    scheme: str
    id: str
    subject: str
    paragraphs: tuple[str, ...]
    date: str
    object_until: str | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Messages:
    """Some messages of all schemes, newest first; not `whole` where one of them does not answer now."""

    shown: tuple[Message, ...] = ()
    whole: bool = True
    earlier: str | None = None
    """The cursor of what came before; None where there is no more."""


async def messages_of(backends: Backends, caller: Caller, limit: int, cursor: str | None = None) -> Messages:
    """Give a page of what somebody was told: nothing to who takes part in nothing.

    Every scheme makes ids that grow with time, and pages by them: so the order is one, and so is the cursor.
    """
    params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    pages = await asyncio.gather(*(in_time(_of_scheme(backends, caller, scheme, params)) for scheme in SCHEMES))
    answered = [page for page in pages if page is not None]
    known = sorted((message for page in answered for message in page.shown), key=lambda one: one.id, reverse=True)
    shown = tuple(known[:limit])
    is_more = len(known) > limit or any(page.earlier for page in answered)
    earlier = encode_cursor({"id": shown[-1].id}) if is_more else None
    return Messages(shown, whole=None not in pages, earlier=earlier)


async def mark_read(backends: Backends, caller: Caller, scheme: str, message: str) -> None:
    """Tell a scheme that somebody read a message of theirs. Raises `NotFound` where it is not theirs, or an outage."""
    await backends.tell(scheme, ("notices", message, "readings"), caller, key=message)


async def _of_scheme(backends: Backends, caller: Caller, scheme: str, params: Mapping[str, str]) -> Messages:
    path: tuple[str, ...] = ("notices",)
    if scheme == BURGERBUDGET:
        found = await backends.read(scheme, ("participants",), caller, {"holderId": caller.holder_id or ""})
        if not found["items"]:
            return Messages()
        path = ("participants", found["items"][0]["number"], "notices")
    told = await backends.read(scheme, path, caller, params)
    return Messages(tuple(_message(scheme, item) for item in told["items"]), earlier=told["nextCursor"])


async def in_time(found: Awaitable[Found]) -> Found | None:
    """Give what a service tells within the deadline; None when it refuses, is slow or is away."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await found
    except (Refusal, TimeoutError):
        return None


def _message(scheme: str, item: dict[str, Any]) -> Message:
    return Message(
        scheme=scheme,
        id=item["id"],
        subject=item["subject"],
        paragraphs=tuple(item["text"].split("\n\n")),
        date=item["madeOn"],
        object_until=item.get("objectUntil"),
        is_new=item["readAt"] is None,
    )
