"""The API, wired; the worker is with its tasks."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from foundation import outbox_routes
from foundation.access import TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.objections import EXAMPLE_ADDRESS
from foundation.parts import parts_of
from foundation.settings import load
from foundation.work import Bell
from sociaal_krediet import tasks
from sociaal_krediet.collecting import Collector
from sociaal_krediet.outside import collector_of, wallet_of
from sociaal_krediet.routes import ROUTERS
from sociaal_krediet.settings import DEVELOPMENT_NAME, NAME, SociaalKredietSettings
from wallet_contract.client import WalletClient


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(SociaalKredietSettings)
    parts = parts_of(NAME, settings)
    return make_api(
        parts.database,
        parts.verifier,
        wallet_of(settings),
        collector_of(settings),
        ring_jobs=Bell(parts.celery, f"{NAME}.jobs", tasks.JOBS),
        webhook_secrets=settings.webhook_secrets(),
        objection_address=settings.objection_address,
        public_url=settings.public_url,
        municipality_name=settings.municipality_name,
        live=settings.environment == "production",
    )


def make_api(
    database: Database,
    verifier: TokenVerifier,
    wallet: WalletClient | None = None,
    collector: Collector | None = None,
    *,
    ring_jobs: Bell | None = None,
    webhook_secrets: Sequence[str] = (),
    objection_address: str = EXAMPLE_ADDRESS,
    public_url: str = "http://127.0.0.1:8000",
    municipality_name: str = DEVELOPMENT_NAME,
    live: bool = False,
) -> FastAPI:
    """Make the API on these parts; without a bell the clock of the worker is all that wakes it.

    A `live` one takes no test events of Stripe.
    """
    return create_api(
        NAME,
        database=database,
        verifier=verifier,
        routers=[*ROUTERS, outbox_routes.router],
        state={
            "wallet": wallet,
            "collector": collector,
            "ring_jobs": ring_jobs,
            "webhook_secrets": list(webhook_secrets),
            "objection_address": objection_address,
            "public_url": public_url,
            "municipality_name": municipality_name,
            "live": live,
        },
    )
