"""The API, wired; the worker is with its tasks."""

from __future__ import annotations

from fastapi import FastAPI

from burgerbudget import tasks
from burgerbudget.routes import ROUTERS
from burgerbudget.settings import NAME, BurgerbudgetSettings
from foundation import outbox_routes
from foundation.access import TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.objections import EXAMPLE_ADDRESS
from foundation.parts import parts_of
from foundation.settings import load
from foundation.work import Bell


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(BurgerbudgetSettings)
    parts = parts_of(NAME, settings)
    return make_api(
        parts.database,
        parts.verifier,
        Bell(parts.celery, f"{NAME}.jobs", tasks.JOBS),
        Bell(parts.celery, f"{NAME}.jobs", tasks.IMPORT),
        settings.objection_address,
    )


def make_api(
    database: Database,
    verifier: TokenVerifier,
    ring_jobs: Bell | None = None,
    ring_imports: Bell | None = None,
    objection_address: str = EXAMPLE_ADDRESS,
) -> FastAPI:
    """Make the API on these parts; without bells the clock of the worker is all that wakes it."""
    return create_api(
        NAME,
        database=database,
        verifier=verifier,
        routers=[*ROUTERS, outbox_routes.router],
        state={"ring_jobs": ring_jobs, "ring_imports": ring_imports, "objection_address": objection_address},
    )
