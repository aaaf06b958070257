"""/healthz and /readyz of the gateway, and its own metrics on a port that is not public."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from fastapi.responses import JSONResponse

READY_CACHE_S = 1.0

Checks = Callable[[], Awaitable[Mapping[str, bool]]]


class Readiness:
    """Asks whether everything behind us can do its work, at most once a second however often we are asked."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks
        self._lock = asyncio.Lock()
        self._known: Mapping[str, bool] = {}
        self._asked_at = float("-inf")

    async def results(self) -> Mapping[str, bool]:
        async with self._lock:
            if time.monotonic() - self._asked_at >= READY_CACHE_S:
                self._known = await self._checks()
                self._asked_at = time.monotonic()
            return self._known


def add_health(api: FastAPI, checks: Checks) -> None:
    """Add /healthz (alive) and /readyz (can do its work). There is no /metrics here: this port is public."""
    readiness = Readiness(checks)

    @api.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @api.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        results = await readiness.results()
        ready = all(results.values())
        return JSONResponse(
            {"status": "ready" if ready else "not ready", "checks": dict(results)}, 200 if ready else 503
        )
