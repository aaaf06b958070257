"""A gateway that really runs, before real small servers: a service that says what it got, a wallet, an issuer."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from joserfc.jwk import OKPKey

from foundation.access import GATEWAY, Role, TokenVerifier
from gateway.app import create_gateway
from stadsbeurs import valkey
from tests.integration.gateway.running import House, Running, echo_service

Serve = Callable[[Any], Running]
MakeGateway = Callable[..., Running]


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """structlog's own way draws every local variable of a traceback: ten seconds for one answer that breaks off."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gateway-valkey-") as folder:
        running = valkey.start(Path(folder) / "valkey", durable=False)
        yield running.url(0)
        running.stop()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> House:
    return House(tmp_path_factory.mktemp("gateway"), redis_url)


@pytest.fixture(scope="session")
def echo() -> Iterator[Running]:
    running = Running(echo_service())
    yield running
    running.stop()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve applications until the test ends."""
    started: list[Running] = []

    def start(app: Any) -> Running:
        started.append(Running(app))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def make_gateway(house: House, serve: Serve) -> MakeGateway:
    return lambda **changes: serve(create_gateway(house.settings(**changes)))


@pytest.fixture(scope="session")
def gateway(house: House, echo: Running) -> Iterator[Running]:
    """A gateway before the echoing service; burgerbudget is down."""
    running = Running(create_gateway(house.settings(wallet_url=echo.url)))
    yield running
    running.stop()


@pytest.fixture
def outside(gateway: Running, house: House) -> Iterator[httpx.Client]:
    """Somebody outside with an auditor's token."""
    with httpx.Client(base_url=gateway.url, headers=house.bearer(Role.AUDITOR), timeout=60) as client:
        yield client


@pytest.fixture
def service_claims(house: House) -> Callable[[str], dict[str, Any]]:
    """Read a service token with the gateway's public key, as a service does."""
    public = OKPKey.import_key(house.gateway_key.as_dict(private=False))
    verifier = TokenVerifier("wallet", {GATEWAY: public})
    return lambda authorization: verifier.claims(authorization.removeprefix("Bearer "))
