"""Roles and databases: per service one database, one role that owns it and one that works in it; and an auditor.

What each role may do in the wallet's database stands in docs/privileges.md, which a test holds against the catalogue.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from stadsbeurs import keys
from stadsbeurs.mistakes import Mistake

if TYPE_CHECKING:
    import psycopg

ADMIN_URL_SETTING = "STADSBEURS_ADMIN_DATABASE_URL"
SUPPORTED = range(15, 19)
OWN_SERVER = "--own-server"
AUDITED = frozenset({"wallet"})
"""The services with books that an auditor reads, with a role that can do nothing else."""


def database_of(package: str) -> str:
    return f"stadsbeurs_{package}"


def owner_of(package: str) -> str:
    """The role of the migrations."""
    return f"{package}_owner"


def service_of(package: str) -> str:
    """The role of the processes, which owns nothing."""
    return f"{package}_service"


def auditor_of(package: str) -> str:
    """The role of the verifier, which reads the books and nothing else."""
    return f"{package}_auditor"


def visitors_of(package: str) -> list[str]:
    """The roles that may enter a service's database and own nothing in it."""
    return [service_of(package), *([auditor_of(package)] if package in AUDITED else [])]


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


def provision(admin_url: str, key_folder: Path, packages: list[str], *, own_server: bool = False) -> None:
    """Make what is not there yet on the server of `admin_url`; passwords become those kept in `key_folder`.

    The administrator must be able to make roles and databases. A server of our own is closed to everybody else.
    Raises `Mistake`.
    """
    import psycopg

    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=10) as admin:
            major = admin.info.server_version // 10000
            if major not in SUPPORTED:
                raise Mistake(f"The server at {admin.info.host} is PostgreSQL {major}; this needs 15, 16, 17 or 18.")
            if own_server:
                close_server(admin)
            for package in packages:
                ensure_roles(admin, package, lambda role: keys.database_password(key_folder, role))
                ensure_database(admin, admin_url, package, database_of(package))
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Mistake(f"The databases cannot be made: {reason}") from error


def close_server(admin: psycopg.Connection) -> None:
    """Let nobody but the administrator into the databases that every server has."""
    admin.execute("REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC")


def ensure_roles(admin: psycopg.Connection, package: str, password_of: Callable[[str], str]) -> None:
    """Make the roles of a service with these passwords. Raises `Mistake` when one has rights that it may not have."""
    for role in (owner_of(package), *visitors_of(package)):
        _ensure_role(admin, role, password_of(role))
    if package in AUDITED:
        from psycopg import sql

        # Its grants let it write nothing; this says so in words to whoever tries, and to a function with a side effect.
        auditor = sql.Identifier(auditor_of(package))
        admin.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(auditor))
    _refuse_powers(admin, package)


def _refuse_powers(admin: psycopg.Connection, package: str) -> None:
    """A role that was there already may be more than it is here: whoever made it must take that away."""
    powerful = admin.execute(
        """
        SELECT r.rolname FROM pg_roles r
         WHERE r.rolname = ANY (%(all)s)
               AND (r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls)
            OR r.rolname = ANY (%(visitors)s) AND EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
         ORDER BY 1
        """,
        {"all": [owner_of(package), *visitors_of(package)], "visitors": visitors_of(package)},
    ).fetchall()
    if powerful:
        names = ", ".join(name for (name,) in powerful)
        raise Mistake(f"Roles with more rights than they may have: {names}. Take these away, or drop the roles.")


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


def ensure_database(admin: psycopg.Connection, admin_url: str, package: str, database: str) -> None:
    """Make the database of a service, which its own roles may enter and nobody else."""
    import psycopg
    from psycopg import sql

    name, owner = sql.Identifier(database), sql.Identifier(owner_of(package))
    if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone() is None:
        superuser = admin.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        if superuser is not None and not superuser[0]:  # who is no superuser must belong to the role it gives to
            admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(name, owner))
    admit(admin, package, database)
    with psycopg.connect(admin_url, dbname=database, autocommit=True, connect_timeout=10) as inside:
        # A database that began under PostgreSQL 14 lets everybody make tables here.
        inside.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def admit(admin: psycopg.Connection, package: str, database: str) -> None:
    """Let the roles of a service into a database, and nobody else: not even to make a table of their own for a while."""
    from psycopg import sql

    name = sql.Identifier(database)
    visitors = sql.SQL(", ").join(sql.Identifier(role) for role in visitors_of(package))
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, visitors))


def main() -> int:
    """`python -m stadsbeurs.provision KEY_FOLDER PACKAGE…`, a step of the start; the address is in the environment."""
    parser = argparse.ArgumentParser(prog="stadsbeurs.provision")
    parser.add_argument("key_folder", type=Path)
    parser.add_argument("packages", nargs="*")
    parser.add_argument(OWN_SERVER, action="store_true", help="close the server's own databases to everybody")
    found = parser.parse_args()
    try:
        provision(os.environ[ADMIN_URL_SETTING], found.key_folder, found.packages, own_server=found.own_server)
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
