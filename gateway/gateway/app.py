"""The gateway put together: `python -m foundation.serve gateway.app:api --port 8000`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import start_http_server

from foundation.access import GATEWAY, TokenSigner, TokenVerifier, read_key
from foundation.application import API_VERSION, observe
from foundation.observability import configure_logging
from foundation.settings import load
from gateway.backends import Backends
from gateway.errors import answer_errors
from gateway.forwarding import add_forwarding
from gateway.headers import SafeHeaders
from gateway.health import add_health
from gateway.oidc import Provider
from gateway.pages.everyone import routes as everyone
from gateway.pages.pass_holder import routes as pass_holder
from gateway.pages.rendering import Pages
from gateway.sessions import Sessions
from gateway.settings import GatewaySettings
from gateway.sign_in import AUDIENCE, STAND_IN, Callers


def api() -> FastAPI:
    """Build the gateway from the environment."""
    settings = load(GatewaySettings)
    configure_logging("gateway", settings.log_level)
    return create_gateway(settings)


def create_gateway(settings: GatewaySettings) -> FastAPI:
    """Build the gateway from these settings."""
    backends = Backends(settings.backends(), TokenSigner.from_file(GATEWAY, settings.signing_key_file))
    sessions = Sessions(settings.redis_url.get_secret_value())
    provider = Provider(settings.oidc_issuer, https_only=settings.production) if settings.oidc_issuer else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        metrics = start_http_server(settings.metrics_port, addr="127.0.0.1") if settings.metrics_port else None
        await backends.open()
        yield
        if metrics is not None:
            metrics[0].shutdown()
            metrics[0].server_close()
        await backends.close()
        await sessions.close()
        if provider is not None:
            await provider.close()

    gateway = FastAPI(
        title="Stadsbeurs gateway",
        version=API_VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Bodies and faulty input would go along with the framework's own log records.
        telemetry={"logs": False},
        lifespan=lifespan,
    )
    gateway.state.settings = settings
    gateway.state.backends = backends
    gateway.state.sessions = sessions
    gateway.state.provider = provider
    gateway.state.callers = Callers(
        stand_in=_stand_in(settings),
        provider=provider,
        audience=settings.oidc_audience,
        role_claim=settings.oidc_role_claim,
        production=settings.production,
    )
    gateway.state.pages = Pages(settings.municipality_name)

    async def checks() -> dict[str, bool]:
        return {**await backends.ready(), "sessions": await sessions.answers()}

    add_health(gateway, checks)
    add_forwarding(gateway)
    gateway.include_router(everyone.router)
    gateway.include_router(pass_holder.router)
    answer_errors(gateway)
    observe(gateway)
    gateway.add_middleware(SafeHeaders)
    return gateway


def _stand_in(settings: GatewaySettings) -> TokenVerifier | None:
    if settings.stand_in_identity_key_file is None:
        return None
    return TokenVerifier(AUDIENCE, {STAND_IN: read_key(settings.stand_in_identity_key_file)})
