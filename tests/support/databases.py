"""Databases for tests: a server without fsync, one migrated template per service, a copy per test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from foundation import migrate
from foundation.database import Database
from stadsbeurs import postgres

PASSWORD = "test"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ServiceDatabase:
    """One service's database, seen by its three roles."""

    name: str
    database: Database
    service_url: str
    owner_url: str
    superuser_url: str


class TestServer:
    """A PostgreSQL with the roles of every service and a migrated template for each that was asked for."""

    __test__ = False

    def __init__(self, running: postgres.RunningPostgres) -> None:
        self.running = running
        self._templates: set[str] = set()

    @classmethod
    def start(cls, folder: Path) -> TestServer:
        return cls(postgres.start(folder, durable=False))

    def stop(self) -> None:
        self.running.stop()

    def _template(self, service: str) -> str:
        template = f"{service}_template"
        if service in self._templates:
            return template
        owner, runner = f"{service}_owner", f"{service}_service"
        with psycopg.connect(self.running.url(), autocommit=True) as connection:
            for role in (owner, runner):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(PASSWORD))
                )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(template), sql.Identifier(owner))
            )
        migrate.upgrade(service, self.running.url(template, owner, PASSWORD))
        self._templates.add(service)
        return template

    @contextmanager
    def fresh(self, service: str) -> Iterator[ServiceDatabase]:
        """Give a new copy of a service's migrated database, dropped afterwards."""
        template = self._template(service)
        name = f"{service}_{os.getpid()}_{next(_numbers)}"
        owner, runner = f"{service}_owner", f"{service}_service"
        with psycopg.connect(self.running.url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template), sql.Identifier(owner)
                )
            )
        service_url = self.running.url(name, runner, PASSWORD)
        database = Database(service_url, pool_size=20)
        try:
            yield ServiceDatabase(
                name, database, service_url, self.running.url(name, owner, PASSWORD), self.running.url(name)
            )
        finally:
            database.close()
            with psycopg.connect(self.running.url(), autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
