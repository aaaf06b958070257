"""The town that keeps people reachable, for every test of belkosten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.database import Database
from tests.integration.belkosten.call_desk import Desk, open_shared_town
from tests.integration.belkosten.phone_town import Town, open_town
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase, TestServer


@pytest.fixture
def town(
    wallet_database: Database,
    belkosten_db: ServiceDatabase,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """A town on 1 October 2026, with 10,000.00 in its fund."""
    with open_town(belkosten_db.database, wallet_database, callers, today, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def shared_town(server: TestServer, callers: Callers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town that the tests of one module share, where two numbers may be called."""
    with open_shared_town(server, callers, tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture
def desk(shared_town: Town) -> Desk:
    """A provider of its own in the shared town, on 1 October 2026."""
    return Desk(shared_town)


@pytest.fixture
def caller(desk: Desk) -> str:
    """Somebody new with 10.00 of call credit."""
    return desk.town.enrol()
