"""Roles and databases: per service one database, one role that owns it and one that works in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from stadsbeurs import keys
from stadsbeurs.mistakes import Mistake

if TYPE_CHECKING:
    import psycopg

ADMIN_URL_SETTING = "STADSBEURS_ADMIN_DATABASE_URL"
SUPPORTED = range(15, 19)


def database_of(package: str) -> str:
    return f"stadsbeurs_{package}"


def owner_of(package: str) -> str:
    """The role of the migrations."""
    return f"{package}_owner"


def service_of(package: str) -> str:
    """The role of the processes, which owns nothing."""
    return f"{package}_service"


def address(admin_url: str, database: str, role: str, password: str) -> str:
    """The address of `database` for `role` on the server of `admin_url`; its options, such as sslmode, are kept."""
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{host}", path=f"/{database}"))


def check_address(setting: str, url: str, schemes: tuple[str, ...]) -> None:
    """Raise `Mistake` when `url` cannot be the address of a server."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in schemes and bool(parts.hostname or parts.path) and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine:
        raise Mistake(f"{setting} is not an address such as {schemes[0]}://user:password@host:port/name.")


def provision(admin_url: str, key_folder: Path, packages: list[str]) -> None:
    """Make what is not there yet on the server of `admin_url`; passwords become those kept in `key_folder`.

    The administrator must be able to make roles and databases. Raises `Mistake`.
    """
    import psycopg

    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            major = admin.info.server_version // 10000
            if major not in SUPPORTED:
                raise Mistake(f"The server at {admin.info.host} is PostgreSQL {major}; this needs 15, 16, 17 or 18.")
            for package in packages:
                for role in (owner_of(package), service_of(package)):
                    _ensure_role(admin, role, keys.database_password(key_folder, role))
                _ensure_database(admin, package)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Mistake(f"The databases cannot be made: {reason}") from error


def _ensure_role(admin: psycopg.Connection, role: str, password: str) -> None:
    from psycopg import sql

    # Hashed here, so that no log of the server can ever show it.
    hashed = admin.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    found = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    admin.execute(
        sql.SQL("{} ROLE {} WITH LOGIN PASSWORD {}").format(
            sql.SQL("ALTER" if found else "CREATE"), sql.Identifier(role), sql.Literal(hashed)
        )
    )


def _ensure_database(admin: psycopg.Connection, package: str) -> None:
    from psycopg import sql

    database, owner = sql.Identifier(database_of(package)), sql.Identifier(owner_of(package))
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database_of(package),)).fetchone() is None:
        superuser = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if superuser is not None and not superuser[0]:  # who is no superuser must belong to the role it gives to
            admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(database, owner))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(service_of(package))))


def main() -> int:
    """`python -m stadsbeurs.provision KEY_FOLDER PACKAGE…`, a step of the start; the address is in the environment."""
    try:
        provision(os.environ[ADMIN_URL_SETTING], Path(sys.argv[1]), sys.argv[2:])
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
