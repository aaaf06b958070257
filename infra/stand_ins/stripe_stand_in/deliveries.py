"""Webhooks: every event is a row until its address has taken it; what does not arrive is sent again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import httpx
import structlog

from stripe_stand_in.store import Delivery, Object, Store

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 60.0
LOOKS_EVERY_S = 1.0
TIMEOUT_S = 10.0

log = structlog.get_logger()


def signature(payload: bytes, secrets: Sequence[str], at: int) -> str:
    """Sign a message as Stripe does: one `v1` for each secret in force."""
    signed = b"%d.%s" % (at, payload)
    parts = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={part}" for part in parts)])


class Sender:
    """Sends what is due, one after the other, and lets time pass for what ends by itself."""

    def __init__(self, store: Store, secrets: Sequence[str], end_due: Callable[[], None]) -> None:
        self._store = store
        self._secrets = secrets
        self._end_due = end_due
        self._woken = asyncio.Event()
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)

    def wake(self) -> None:
        """Say that there may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Go on until cancelled; no fault ends it."""
        while True:
            try:
                await asyncio.to_thread(self._end_due)
                while await self._send_some():
                    pass
            except Exception:
                log.exception("deliveries-failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOKS_EVERY_S)
            self._woken.clear()

    async def resend(self, event_id: str) -> list[dict[str, Any]]:
        """Send one event now to every address, even while deliveries are held and though it arrived before."""
        due = await asyncio.to_thread(self._of_event, event_id)
        return [{"url": delivery.url, "status": await self._send(delivery, event)} for delivery, event in due]

    async def close(self) -> None:
        await self._http.aclose()

    async def _send_some(self) -> bool:
        """Send what is due; tells whether something arrived, so that there may be more."""
        due = await asyncio.to_thread(self._due)
        return any([200 <= await self._send(delivery, event) < 300 for delivery, event in due])

    def _due(self) -> list[tuple[Delivery, Object]]:
        with self._store.change() as change:
            due = [] if change.held() else change.to_send(at=time.time())
            return [(one, event) for one in due if (event := change.get("event", one.event)) is not None]

    def _of_event(self, event_id: str) -> list[tuple[Delivery, Object]]:
        with self._store.change() as change:
            event = change.get("event", event_id)
            return [(one, event) for one in change.to_send(event=event_id)] if event else []

    async def _send(self, delivery: Delivery, event: Object) -> int:
        payload = json.dumps(event, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, self._secrets, int(time.time())),
        }
        try:
            status = (await self._http.post(delivery.url, content=payload, headers=headers)).status_code
        except httpx.HTTPError:
            status = 0
        wait_s = min(FIRST_RETRY_S * 2**delivery.attempts, LONGEST_RETRY_S)
        await asyncio.to_thread(self._sent, delivery, status, time.time() + wait_s)
        return status

    def _sent(self, delivery: Delivery, status: int, next_at: float) -> None:
        with self._store.change() as change:
            change.delivered(delivery, status, next_at)
