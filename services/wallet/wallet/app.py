"""The API, wired; the worker is with its tasks."""

from __future__ import annotations

from fastapi import FastAPI

from foundation.access import TokenVerifier
from foundation.application import create_api
from foundation.database import Database
from foundation.parts import parts_of
from foundation.settings import load
from foundation.work import Bell
from wallet import tasks
from wallet.audit import routes as audit_routes
from wallet.audit.exports import routes as export_routes
from wallet.audit.receipts import routes as receipt_routes
from wallet.audit.statements import routes as statement_routes
from wallet.holders import routes as holder_routes
from wallet.ledger import routes as ledger_routes
from wallet.ledger.balances import routes as balance_routes
from wallet.ledger.bulk import routes as bulk_routes
from wallet.ledger.corrections import routes as correction_routes
from wallet.ledger.holds import routes as hold_routes
from wallet.ledger.loans import routes as loan_routes
from wallet.ledger.payables import routes as payable_routes
from wallet.ledger.periods import routes as period_routes
from wallet.payouts import routes as payout_routes
from wallet.payouts.announcements import routes as announcement_routes
from wallet.payouts.references import routes as reference_routes
from wallet.payouts.settings import PayoutSettings
from wallet.settings import NAME, WalletSettings


def api() -> FastAPI:
    """Make the API as the settings say."""
    settings = load(WalletSettings)
    parts = parts_of(NAME, settings)
    return make_api(
        parts.database,
        parts.verifier,
        settings,
        Bell(parts.celery, f"{NAME}.jobs", tasks.BULK),
    )


def make_api(
    database: Database, verifier: TokenVerifier, settings: PayoutSettings, ring_bulk: Bell | None = None
) -> FastAPI:
    """Make the API on these parts; without a bell the clock of the worker is all that wakes it."""
    return create_api(
        NAME,
        database=database,
        verifier=verifier,
        routers=[
            # Asked most, and so looked at first.
            ledger_routes.router,
            hold_routes.router,
            balance_routes.router,
            bulk_routes.router,
            correction_routes.router,
            loan_routes.router,
            payable_routes.router,
            period_routes.router,
            holder_routes.router,
            payout_routes.router,
            reference_routes.router,
            announcement_routes.router,
            audit_routes.router,
            export_routes.router,
            receipt_routes.router,
            statement_routes.router,
        ],
        state={"settings": settings, "ring_bulk": ring_bulk},
    )
