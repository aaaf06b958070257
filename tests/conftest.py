"""A real PostgreSQL for each test process, and a fresh database for each test, copied from a migrated template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation import clock, outbox
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase, TestServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The PostgreSQL of this test process; it forgets everything at the end."""
    running = TestServer.start(tmp_path_factory.mktemp("postgres"))
    yield running
    running.stop()


@pytest.fixture
def wallet_db(server: TestServer) -> Iterator[ServiceDatabase]:
    """A migrated, empty wallet database."""
    with server.fresh("wallet") as made:
        yield made


@pytest.fixture
def burgerbudget_db(server: TestServer) -> Iterator[ServiceDatabase]:
    """A migrated, empty burgerbudget database."""
    with server.fresh("burgerbudget") as made:
        yield made


@pytest.fixture
def sociaal_krediet_db(server: TestServer) -> Iterator[ServiceDatabase]:
    """A migrated, empty database of sociaal krediet."""
    with server.fresh("sociaal_krediet") as made:
        yield made


@pytest.fixture
def wallet_database(wallet_db: ServiceDatabase):  # type: ignore[no-untyped-def]
    """The wallet's database as the wallet itself sees it."""
    return wallet_db.database


@pytest.fixture
def wallet_owner_url(wallet_db: ServiceDatabase) -> str:
    """The address of the same wallet database for the role that owns its tables."""
    return wallet_db.owner_url


@pytest.fixture
def wallet_superuser_url(wallet_db: ServiceDatabase) -> str:
    """The address of the same wallet database for the superuser."""
    return wallet_db.superuser_url


@pytest.fixture
def burgerbudget_database(burgerbudget_db: ServiceDatabase):  # type: ignore[no-untyped-def]
    """The burgerbudget's database as the service itself sees it."""
    return burgerbudget_db.database


@pytest.fixture(scope="session")
def callers() -> Callers:
    """Signs tokens as the gateway and as the services do."""
    return Callers()


@pytest.fixture
def today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the business date: `today("2026-07-01")`."""
    file = tmp_path / "business-date"
    monkeypatch.setenv(clock.DATE_FILE_SETTING, str(file))

    def set_today(text: str) -> None:
        file.write_text(text, encoding="ascii")

    return set_today


@pytest.fixture(autouse=True)
def _no_bell() -> Iterator[None]:
    """Nothing rings in a test that did not hang a bell."""
    outbox.hang_bell(None)
    yield
    outbox.hang_bell(None)
