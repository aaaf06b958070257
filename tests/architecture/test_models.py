"""The table classes and the migrated databases say the same."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, NullPool, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from foundation.tables import TABLES
from tests.architecture.test_house_rules import SERVICES, module_of, sources
from tests.support.databases import ServiceDatabase, TestServer

# The wallet has a schema for each of its parts; a scheme has one, called after it.
SCHEMAS = {service: {service} for service in SERVICES} | {"wallet": {"wallet", "ledger", "holders", "payouts", "audit"}}


@pytest.fixture(params=sorted(SCHEMAS))
def migrated(request: pytest.FixtureRequest, server: TestServer) -> Any:
    for path in sources(request.param):
        if path.name == "models.py":
            import_module(module_of(path))
    with server.fresh(request.param) as made:
        engine = create_engine(make_url(made.superuser_url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
        with engine.connect() as connection:
            yield request.param, made, connection


def belongs(service: str, schema: str | None, table: str) -> bool:
    return schema in SCHEMAS[service] or (schema in (None, "public") and table in TABLES)


def test_models_equal_the_migrated_database(migrated: tuple[str, ServiceDatabase, Any]) -> None:
    service, _, connection = migrated

    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        table = thing if kind == "table" else getattr(thing, "table", None)
        if table is None:
            return True
        return belongs(service, table.schema, table.name)

    context = MigrationContext.configure(
        connection, opts={"include_schemas": True, "compare_type": True, "include_object": ours}
    )
    assert [describe(one) for one in compare_metadata(context, SQLModel.metadata)] == []


def describe(difference: Any) -> str:
    return str(difference)[:300]


def test_every_check_of_a_model_stands_in_the_database(migrated: tuple[str, ServiceDatabase, Any]) -> None:
    service, _, connection = migrated
    database = inspect(connection)
    seen = 0
    for table in SQLModel.metadata.sorted_tables:
        if not belongs(service, table.schema, table.name):
            continue
        seen += 1
        there = {check["name"] for check in database.get_check_constraints(table.name, table.schema)}
        named = {str(one.name) for one in table.constraints if isinstance(one, CheckConstraint) and one.name}
        assert named <= there, f"{table.fullname}: {named - there} is not in the database"
    assert seen > len(TABLES)


def test_the_service_may_not_change_what_stays(migrated: tuple[str, ServiceDatabase, Any]) -> None:
    """Least privilege: no service owns a table, makes one, or empties one."""
    service, _, connection = migrated
    found = connection.exec_driver_sql(
        "SELECT table_schema || '.' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants"
        f" WHERE grantee = '{service}_service' AND privilege_type IN ('TRUNCATE', 'TRIGGER', 'REFERENCES')"
    ).fetchall()
    assert found == []
    owned = connection.exec_driver_sql(
        f"SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = '{service}_service'"
    ).scalar_one()
    assert owned == 0
    may_create = connection.exec_driver_sql(
        "SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%%'"
        f" AND has_schema_privilege('{service}_service', oid, 'CREATE')"
    ).fetchall()
    assert may_create == []
