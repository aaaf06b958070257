"""A real PostgreSQL for each test process, and a fresh database for each test, copied from a migrated template."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation import clock, outbox
from stadsbeurs import house
from tests.support import once
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase, TestServer, in_memory_or

# What takes a minute in one test starts first: begun last, it would leave one worker at work alone.
LONG = ("faults", "end_to_end", "property")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the folders with the longest tests in front, in that order; the rest stays as it is."""

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        return LONG.index(folder) if folder in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(autouse=True, scope="session")
def _made_once() -> Iterator[None]:
    """The dear things that tests share without noticing."""
    with once.prepared_routes(), once.certificates():
        yield


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """The PostgreSQL of this test process; it forgets everything at the end."""
    with in_memory_or(tmp_path_factory.mktemp("postgres")) as folder:
        running = TestServer.start(folder)
        yield running
        running.stop()


def _migrated(package: str) -> Callable[[TestServer], Iterator[ServiceDatabase]]:
    @pytest.fixture(name=f"{package}_db")
    def fresh(server: TestServer) -> Iterator[ServiceDatabase]:
        """A migrated, empty database of this service."""
        with server.fresh(package) as made:
            yield made

    return fresh


# Every service of the house has its fixture: `wallet_db`, `burgerbudget_db` and so on.
globals().update({f"{service.package}_db": _migrated(service.package) for service in house.SERVICES})


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
