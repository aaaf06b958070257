"""The burgerbudget over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import structlog

from burgerbudget.app import make_api
from foundation.database import Database
from tests.integration.burgerbudget.town import NAME, Town
from tests.support.callers import Callers
from tests.support.databases import TestServer


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """structlog's own way draws every local variable of a traceback: half a minute for one fault."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="module")
def shared_database(server: TestServer) -> Iterator[Database]:
    """One database for all tests of a file in which nothing happens."""
    with server.fresh(NAME) as made:
        yield made.database


@pytest.fixture
def quiet_town(shared_database: Database, callers: Callers, today: Callable[[str], None]) -> Town:
    """The same town for tests that only are refused things, each with people of its own."""
    today("2026-07-20")
    return Town(shared_database, make_api(shared_database, callers.verifier(NAME)), callers, today)


@pytest.fixture
def town(burgerbudget_database: Database, callers: Callers, today: Callable[[str], None]) -> Town:
    """A town on 20 July 2026 in which nothing has happened yet."""
    today("2026-07-20")
    return Town(burgerbudget_database, make_api(burgerbudget_database, callers.verifier(NAME)), callers, today)
