"""HTTP: each route says who may, calls one action or query, and returns one schema."""

from __future__ import annotations

from fastapi import APIRouter

from belkosten.routes import (
    calls,
    comparing,
    grounds,
    invoices,
    month_figures,
    notices,
    numbers,
    participants,
    places,
    providers,
    purchases,
    usage,
)

ROUTERS: list[APIRouter] = [
    # Asked a hundred times a second, and so looked at first.
    calls.router,
    grounds.router,
    participants.router,
    month_figures.router,
    providers.router,
    purchases.router,
    places.router,
    notices.router,
    numbers.router,
    invoices.router,
    usage.router,
    comparing.router,
]
