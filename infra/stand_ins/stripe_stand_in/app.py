"""The stand-in put together: `python -m foundation.serve stripe_stand_in.app:api --port 8120`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from foundation.application import add_health, observe
from foundation.observability import configure_logging
from foundation.settings import load
from stripe_stand_in.checkout import end_by_itself
from stripe_stand_in.control import control_routes
from stripe_stand_in.deliveries import Sender
from stripe_stand_in.pages import pages
from stripe_stand_in.requests import Counter, answer_refusals
from stripe_stand_in.routes import stripe_routes
from stripe_stand_in.settings import StandInSettings
from stripe_stand_in.store import Store

MAX_BODY_BYTES = 256 * 1024


def api() -> FastAPI:
    """Build the stand-in from the environment; in production it ends with one sentence."""
    settings = load(StandInSettings)
    configure_logging("stripe-stand-in", settings.log_level)
    return create_stand_in(settings)


def create_stand_in(settings: StandInSettings) -> FastAPI:
    """Build the stand-in from these settings."""
    store = Store(settings.stripe_stand_in_file)

    def end_due() -> None:
        with store.change() as change:
            till = counter.till(change)
            for thing_id in change.take_due(time.time()):
                end_by_itself(till, thing_id)

    sender = Sender(store, [one.get_secret_value() for one in settings.stripe_webhook_secrets], end_due)
    counter = Counter(settings, store, sender)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(sender.run())
        yield
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await sender.close()

    made = FastAPI(
        title="Stripe stand-in",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        telemetry={"logs": False},
        lifespan=lifespan,
    )
    made.include_router(stripe_routes(counter))
    made.include_router(control_routes(counter))
    made.include_router(pages(counter))
    add_health(made, {"file": store.answers})
    answer_refusals(made)
    observe(made)
    return made
