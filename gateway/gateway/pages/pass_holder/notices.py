"""What the municipality told a pass holder of its decisions, as the page shows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from foundation.access import Caller
from foundation.refusals import Refusal
from gateway.backends import Backends

BURGERBUDGET = "burgerbudget"
NEWEST = 3
DEADLINE_S = 3.0
"""How long a page waits for messages: nobody is kept from their money by a service that only explains it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One notice as it is shown."""

    id: str
    subject: str
    paragraphs: tuple[str, ...]
    date: str
    object_until: str
    is_new: bool


async def newest_messages(backends: Backends, caller: Caller) -> list[Message] | None:
    """Give the newest messages: none for who takes part in nothing, None when they cannot be had now."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            found = await backends.read(BURGERBUDGET, ("participants",), caller, {"holderId": caller.holder_id or ""})
            if not found["items"]:
                return []
            path = ("participants", found["items"][0]["number"], "notices")
            notices = await backends.read(BURGERBUDGET, path, caller, {"limit": str(NEWEST)})
    except (Refusal, TimeoutError):
        return None
    return [_message(item) for item in notices["items"]]


def _message(item: dict[str, Any]) -> Message:
    return Message(
        id=item["id"],
        subject=item["subject"],
        paragraphs=tuple(item["text"].split("\n\n")),
        date=item["madeOn"],
        object_until=item["objectUntil"],
        is_new=item["readAt"] is None,
    )
