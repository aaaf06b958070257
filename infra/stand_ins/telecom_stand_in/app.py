"""The stand-in put together: `python -m foundation.serve telecom_stand_in.app:api --port 8130`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from foundation.application import add_health, answer_with_problems, observe
from foundation.observability import configure_logging
from foundation.settings import load
from telecom_stand_in.municipality import Municipality, Token, provider_token
from telecom_stand_in.routes import telecom_routes
from telecom_stand_in.settings import TelecomSettings
from telecom_stand_in.store import Store

MAX_BODY_BYTES = 64 * 1024


def api() -> FastAPI:
    """Build the stand-in from the environment; in production it ends with one sentence."""
    settings = load(TelecomSettings)
    configure_logging("telecom-stand-in", settings.log_level)
    return create_stand_in(settings, provider_token(settings))


def create_stand_in(settings: TelecomSettings, token: Token) -> FastAPI:
    """Build the stand-in from these settings; `token` signs it in with the municipality."""
    store = Store(settings.telecom_stand_in_file)
    municipality = Municipality(settings.telecom_gateway_url, token)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        municipality.close()

    made = FastAPI(
        title="Telecom stand-in",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        telemetry={"logs": False},
        lifespan=lifespan,
    )
    made.include_router(telecom_routes(store, municipality, settings.telecom_tariff))
    add_health(made, {"file": store.answers})
    answer_with_problems(made)
    observe(made)
    return made
