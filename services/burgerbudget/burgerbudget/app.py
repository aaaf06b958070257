"""The API, wired; the worker is with its tasks."""

from __future__ import annotations

from fastapi import FastAPI

from burgerbudget import tasks
from burgerbudget.routes import ROUTERS
from burgerbudget.settings import NAME, BurgerbudgetSettings
from foundation import outbox, outbox_routes
from foundation.access import TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.objections import EXAMPLE_ADDRESS
from foundation.observability import configure_logging
from foundation.settings import load
from foundation.work import Bell, configure


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(BurgerbudgetSettings)
    configure_logging(f"{NAME}-api", settings.log_level)
    celery = configure(NAME, settings.redis_url.get_secret_value())
    outbox.hang_bell(Bell(celery, f"{NAME}.outbox", "deliver-announced-outbox-row"))
    return make_api(
        Database(
            settings.database_url.get_secret_value(), pool_size=settings.database_pool_size, application_name=NAME
        ),
        TokenVerifier.from_file(NAME, settings.trusted_keys_file),
        Bell(celery, f"{NAME}.jobs", tasks.JOBS),
        Bell(celery, f"{NAME}.jobs", tasks.IMPORT),
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
