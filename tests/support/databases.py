"""Databases for tests: a server without fsync, one migrated template per service, a copy per test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from foundation import migrate
from foundation.database import Database
from stadsbeurs import postgres, provision

PASSWORD = "test"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ServiceDatabase:
    """One service's database, seen by its roles; who may not enter it has an address here all the same."""

    name: str
    database: Database
    service_url: str
    owner_url: str
    superuser_url: str

    def url_of(self, role: str) -> str:
        """The address of this database for any role of this server."""
        return provision.address(self.superuser_url, self.name, role, PASSWORD)


def _hurry_log_ins(running: postgres.RunningPostgres) -> None:
    """Store passwords with one round of hashing: each log-in repeats the rounds, and a test logs in about ten times."""
    with psycopg.connect(running.url(), autocommit=True) as admin:
        if admin.info.server_version < 160_000:
            return
        admin.execute("ALTER SYSTEM SET scram_iterations = 1")
        admin.execute("SELECT pg_reload_conf()")
    # A session may not have heard of the new setting yet; what it says for itself counts at once.
    with psycopg.connect(running.url(), options="-c scram_iterations=1", autocommit=True) as admin:
        role = sql.Identifier(postgres.SUPERUSER)
        admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(running.cluster.password)))


@contextmanager
def in_memory_or(folder: Path) -> Iterator[Path]:
    """Give a folder in memory when there is ample room, and otherwise this one: a database per test is many files."""
    try:
        ample = shutil.disk_usage(MEMORY).free >= ROOM_BYTES and os.access(MEMORY, os.W_OK)
    except OSError:
        ample = False
    if not ample:
        yield folder
        return
    with TemporaryDirectory(prefix="stadsbeurs-test-", dir=MEMORY, ignore_cleanup_errors=True) as made:
        yield Path(made) / "postgres"


class TestServer:
    """A PostgreSQL with the roles of every service and a migrated template for each that was asked for."""

    __test__ = False

    def __init__(self, running: postgres.RunningPostgres) -> None:
        self.running = running
        self._templates: set[str] = set()

    @classmethod
    def start(cls, folder: Path, *, durable: bool = False) -> TestServer:
        running = postgres.start(folder, durable=durable)
        _hurry_log_ins(running)
        return cls(running)

    def stop(self) -> None:
        self.running.stop()

    def _template(self, service: str) -> str:
        template = f"{service}_template"
        if service in self._templates:
            return template
        with psycopg.connect(self.running.url(), autocommit=True) as admin:
            provision.close_server(admin)
            provision.ensure_roles(admin, service, lambda role: PASSWORD)
            provision.ensure_database(admin, self.running.url(), service, template)
        migrate.upgrade(service, self.running.url(template, provision.owner_of(service), PASSWORD))
        self._templates.add(service)
        return template

    @contextmanager
    def fresh(self, service: str) -> Iterator[ServiceDatabase]:
        """Give a new copy of a service's migrated database, dropped afterwards."""
        with self.copy(service, self._template(service)) as made:
            yield made

    @contextmanager
    def copy(self, service: str, template: str) -> Iterator[ServiceDatabase]:
        """Give a copy of any database of a service that nobody is connected to, dropped afterwards."""
        name = f"{service}_{os.getpid()}_{next(_numbers)}"
        owner = provision.owner_of(service)
        with psycopg.connect(self.running.url(), autocommit=True) as admin:
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)
                )
            )
            # Who may enter is no part of a template.
            provision.admit(admin, service, name)
        service_url = self.running.url(name, provision.service_of(service), PASSWORD)
        database = Database(service_url, pool_size=20)
        try:
            yield ServiceDatabase(
                name, database, service_url, self.running.url(name, owner, PASSWORD), self.running.url(name)
            )
        finally:
            database.close()
            with psycopg.connect(self.running.url(), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
