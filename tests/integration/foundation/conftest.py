"""A database with the tables that every service has, and a tiny service on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import text

from foundation import database as database_module
from foundation.access import Role
from foundation.database import Database
from tests.support import tiny
from tests.support.callers import Callers, Client
from tests.support.databases import ServiceDatabase


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """structlog's own way draws every local variable of a traceback: half a minute for one fault on purpose."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture
def tiny_db(burgerbudget_db: ServiceDatabase) -> ServiceDatabase:
    """The tables of a service, with notes beside them."""
    tiny.make_tables(burgerbudget_db.owner_url)
    return burgerbudget_db


@pytest.fixture
def database(tiny_db: ServiceDatabase) -> Database:
    return tiny_db.database


@pytest.fixture
def api(database: Database, callers: Callers) -> FastAPI:
    return tiny.api(database, callers.verifier(tiny.NAME))


@pytest.fixture
def admin(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, tiny.NAME, Role.ADMIN)


@pytest.fixture
def impatient(tiny_db: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same database, for a service that waits 0.3 s for a lock at most."""
    options = database_module._CONNECTION_OPTIONS.replace("lock_timeout=5s", "lock_timeout=300ms")
    monkeypatch.setattr(database_module, "_CONNECTION_OPTIONS", options)
    made = Database(tiny_db.service_url, pool_size=10)
    yield made
    made.close()


@pytest.fixture
def count(database: Database) -> Callable[[str], int]:
    def rows(table: str) -> int:
        with database.transaction() as db:
            return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    return rows
