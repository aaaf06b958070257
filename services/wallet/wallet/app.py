"""The API and the worker, wired."""

from __future__ import annotations

from fastapi import FastAPI

from foundation.access import TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.observability import configure_logging
from foundation.settings import load
from foundation.work import Worker
from wallet import tasks
from wallet.audit import routes as audit_routes
from wallet.holders import routes as holder_routes
from wallet.holders.vault import VaultKeysInvalid, open_vault
from wallet.ledger import routes as ledger_routes
from wallet.payouts import routes as payout_routes
from wallet.payouts.settings import PayoutSettings
from wallet.settings import WalletSettings

NAME = "wallet"


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(WalletSettings)
    configure_logging(f"{NAME}-api", settings.log_level)
    try:
        open_vault()
    except VaultKeysInvalid as fault:
        # Found at the start, not at the first person who is registered.
        raise SystemExit(str(fault)) from None
    return make_api(
        Database(
            settings.database_url.get_secret_value(), pool_size=settings.database_pool_size, application_name=NAME
        ),
        TokenVerifier.from_file(NAME, settings.trusted_keys_file),
        settings,
    )


def make_api(database: Database, verifier: TokenVerifier, settings: PayoutSettings) -> FastAPI:
    """Make the API on these parts."""
    return create_api(
        NAME,
        database=database,
        verifier=verifier,
        routers=[ledger_routes.router, holder_routes.router, payout_routes.router, audit_routes.router],
        state={"settings": settings},
    )


def worker() -> Worker:
    """Make the worker as the settings say."""
    settings = load(WalletSettings)
    configure_logging(f"{NAME}-worker", settings.log_level)
    made = Worker(
        NAME,
        redis_url=settings.redis_url.get_secret_value(),
        database=lambda: Database(
            settings.database_url.get_secret_value(), pool_size=5, application_name=f"{NAME}-worker"
        ),
    )
    tasks.register(made, settings)
    return made
