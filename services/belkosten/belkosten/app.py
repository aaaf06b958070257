"""The API, wired; the worker is with its tasks."""

from __future__ import annotations

from fastapi import FastAPI

from belkosten import tasks
from belkosten.actions.authorising import Authoriser
from belkosten.routes import ROUTERS
from belkosten.settings import NAME, BelkostenSettings
from foundation import outbox_routes
from foundation.access import TOKEN_LIFETIME_S, TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.objections import EXAMPLE_ADDRESS
from foundation.parts import parts_of
from foundation.settings import load
from foundation.work import Bell
from wallet_contract.client import WalletClient

ANSWERS_WITHIN_S = 5.0
"""The API asks the wallet while somebody waits: a caller on the line, or a person at a screen."""

TOKEN_KEPT_S = TOKEN_LIFETIME_S / 2
"""Signing a token, and checking a new signature at the other end, is a tenth of what an authorised call costs."""


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(BelkostenSettings)
    parts = parts_of(NAME, settings)
    return make_api(
        parts.database,
        parts.verifier,
        WalletClient.of(
            NAME,
            settings,
            deadline_s=ANSWERS_WITHIN_S,
            token_kept_s=TOKEN_KEPT_S,
        ),
        ring_jobs=Bell(parts.celery, f"{NAME}.jobs", tasks.JOBS),
        objection_address=settings.objection_address,
    )


def make_api(
    database: Database,
    verifier: TokenVerifier,
    wallet: WalletClient | None = None,
    *,
    ring_jobs: Bell | None = None,
    objection_address: str = EXAMPLE_ADDRESS,
) -> FastAPI:
    """Make the API on these parts; without a bell the clock of the worker is all that wakes it."""
    return create_api(
        NAME,
        database=database,
        verifier=verifier,
        routers=[*ROUTERS, outbox_routes.router],
        state={
            "wallet": wallet,
            "authoriser": None if wallet is None else Authoriser(database, wallet),
            "ring_jobs": ring_jobs,
            "objection_address": objection_address,
        },
    )
