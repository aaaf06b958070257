"""`python -m foundation.migrate wallet burgerbudget`: bring databases up to date, each as the role that owns it.

Where each database is, `STADSBEURS_<PACKAGE>_MIGRATION_DATABASE_URL` says.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import MetaData, NullPool, create_engine, text
from sqlalchemy.engine import make_url

from foundation.tables import CREATE_SQL

# A migration waits 5 s for a lock at most, so that it never stands in the way of people for longer.
_OPTIONS = "-c lock_timeout=5s -c statement_timeout=15min -c timezone=UTC"


def url_setting(package: str) -> str:
    """Give the name of the setting that says where a service's database is, for its migrations."""
    return f"STADSBEURS_{package.upper()}_MIGRATION_DATABASE_URL"


def migrations_folder(package: str) -> Path:
    """Give the folder with a service's migrations."""
    module = importlib.import_module(package)
    assert module.__file__ is not None
    return Path(module.__file__).parent / "migrations"


def upgrade(package: str, url: str, revision: str = "head") -> None:
    """Run the migrations of one service that its database has not had yet."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder(package)))
    config.attributes["url"] = url
    command.upgrade(config, revision)


def run(metadata: MetaData | None = None) -> None:
    """What a service's migrations/env.py calls."""
    url = context.config.attributes["url"]
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args={"options": _OPTIONS}
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, version_table_schema="public")
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def service_role(owner: str) -> str:
    """Give the role that runs a service, from the role that owns its tables: wallet_owner, wallet_service."""
    if not owner.endswith("_owner"):
        raise RuntimeError(f"migrations run as a role named <service>_owner, not as {owner}")
    return owner.removesuffix("_owner") + "_service"


def create_foundation_tables() -> None:
    """What the first migration of every service calls: idempotency, outbox, inbox and schedule."""
    connection = context.get_context().connection
    assert connection is not None
    owner = connection.execute(text("SELECT current_user")).scalar_one()
    connection.exec_driver_sql(CREATE_SQL.replace("{service}", service_role(owner)))


def run_file(path: Path) -> None:
    """Run a file of SQL as it stands: without parameters, so that a % in a function stays a %."""
    connection = context.get_context().connection
    assert connection is not None
    connection.exec_driver_sql(path.read_text(encoding="utf-8"), execution_options={"no_parameters": True})


def main() -> None:
    packages = sys.argv[1:]
    missing = [url_setting(package) for package in packages if not os.environ.get(url_setting(package))]
    if not packages or missing:
        asked = " ".join(missing) or url_setting("<package>")
        raise SystemExit(f"Usage: {asked}=postgresql://… python -m foundation.migrate <package> …")
    for package in packages:
        upgrade(package, os.environ[url_setting(package)])


if __name__ == "__main__":
    main()
