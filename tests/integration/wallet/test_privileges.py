"""Who may do what in the wallet's database: as written in docs/privileges.md, as the catalogue has it, and as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stadsbeurs import house, provision
from stadsbeurs.mistakes import Mistake
from tests.integration.wallet import privileges
from tests.integration.wallet.privileges import DENIED, STOPPED
from tests.integration.wallet.whole_wallet import WholeWallet, fill
from tests.support.callers import Callers
from tests.support.databases import PASSWORD, TestServer

OWNER, SERVICE, AUDITOR = "wallet_owner", "wallet_service", "wallet_auditor"
INSIDE = (OWNER, SERVICE, AUDITOR)
EVERY_OTHER = "every other role"
"""The column of the document for the roles of other services: a new one is under it by itself."""
ROLES = [
    role
    for package in sorted((service.package for service in house.SERVICES), key=lambda name: (name != "wallet", name))
    for role in (provision.owner_of(package), *provision.visitors_of(package))
]

# Where a trigger lets some updates through (U*): one that it refuses, and one that it does not.
LIMITED = {
    "ledger.account": ("SET asset = 'POINT'", "SET closed_at = clock_timestamp() WHERE closed_at IS NULL"),
    "ledger.balance": ("SET floor = -1 WHERE floor = 0", "SET held = held"),
    "ledger.hold": (
        "SET purpose = 'other'",
        "SET remaining = 0, state = 'released', closed_at = clock_timestamp() WHERE state = 'open'",
    ),
    "ledger.bulk_batch": ("SET maker = 'other'", "SET state = state"),
    "payouts.announcement": (
        "SET taken_at = now() + interval '1 day' WHERE taken_at IS NOT NULL",
        "SET taken_at = now() + interval '1 day' WHERE taken_at IS NULL",
    ),
    "payouts.batch": ("SET maker = 'other'", "SET state = state"),
    "payouts.line": ("SET amount = amount + 1", "SET state = state"),
    "holders.iban": (
        "SET refusal = 'late' WHERE state = 'confirmed'",
        "SET state = state WHERE state = 'proposed'",
    ),
}


@pytest.fixture(scope="module")
def wallet(server: TestServer, callers: Callers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWallet]:
    with server.fresh("wallet") as made, pytest.MonkeyPatch.context() as patched:
        with psycopg.connect(made.superuser_url, autocommit=True) as admin:
            for service in house.SERVICES:
                provision.ensure_roles(admin, service.package, lambda role: PASSWORD)
        filled = fill(made, callers, tmp_path_factory.mktemp("whole"), patched)
        made.database.close()
        yield filled


@pytest.fixture(scope="module")
def catalogue(wallet: WholeWallet) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(wallet.made.superuser_url, autocommit=True) as db:
        yield db


@pytest.fixture(params=INSIDE)
def inside(request: pytest.FixtureRequest, wallet: WholeWallet) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """A role that may enter, and a connection of its own."""
    with psycopg.connect(wallet.made.url_of(request.param), autocommit=True) as db:
        # What a role can undo by itself is no barrier: only its rights are.
        db.execute("SET default_transaction_read_only = off")
        yield request.param, db


def _cell(row: dict[str, str], role: str) -> str:
    return row[role if role in INSIDE else EVERY_OTHER]


def test_every_table_function_and_role_stands_in_the_document(catalogue: psycopg.Connection[Any]) -> None:
    written = privileges.rows("table"), privileges.rows("function")
    assert list(written[0]) == privileges.tables(catalogue)
    assert list(written[1]) == privileges.functions(catalogue)
    assert {tuple(row) for rows in written for row in rows.values()} == {(*INSIDE, EVERY_OTHER)}


def test_the_document_says_of_every_role_table_and_verb_what_the_catalogue_says(
    catalogue: psycopg.Connection[Any],
) -> None:
    differences = []
    for table, row in privileges.rows("table").items():
        for role in ROLES:
            written = {verb: right.columns for verb, right in privileges.cell(_cell(row, role)).items()}
            held = privileges.held_by(catalogue, role, table)
            if written != held:
                differences.append((role, table, {"written": written, "held": held}))
    assert differences == []


def test_the_document_says_of_every_role_and_function_what_the_catalogue_says(
    catalogue: psycopg.Connection[Any],
) -> None:
    differences = []
    for function, row in privileges.rows("function").items():
        for role in ROLES:
            written = _cell(row, role)
            assert written in ("E", "–"), function
            held = catalogue.execute("SELECT has_function_privilege(%s, %s, 'EXECUTE')", (role, function))
            if held.fetchall()[0][0] != (written == "E"):
                differences.append((role, function, written))
    assert differences == []


def test_each_verb_on_each_table_goes_or_is_refused_as_written(
    inside: tuple[str, psycopg.Connection[Any]], catalogue: psycopg.Connection[Any]
) -> None:
    role, db = inside
    tried, differences = 0, []
    for table, row in privileges.rows("table").items():
        written = privileges.cell(row[role])
        for verb in privileges.LETTERS.values():
            right = written.get(verb)
            if right is None:
                expected: list[tuple[str, str | None]] = [(privileges.attempt(catalogue, table, verb), DENIED)]
            elif right.stopped:
                expected = [(privileges.attempt(catalogue, table, verb), STOPPED)]
            elif right.limited:
                refused, let_through = LIMITED[table]
                expected = [(f"UPDATE {table} {refused}", STOPPED), (f"UPDATE {table} {let_through}", None)]
            else:
                expected = [(privileges.attempt(catalogue, table, verb, right.columns), None)]
            if right is not None and right.columns:
                others = [name for name in privileges.columns(catalogue, table) if name not in right.columns]
                expected += [(f"UPDATE {table} SET {name} = {name}", DENIED) for name in others]
            for statement, state in expected:
                tried += 1
                found = privileges.outcome(db, statement)
                if found != state:
                    differences.append((statement, f"written: {state}", f"found: {found}"))
    assert differences == []
    assert tried >= 7 * len(privileges.rows("table"))


def test_each_function_can_be_called_by_those_who_may_and_by_nobody_else(
    inside: tuple[str, psycopg.Connection[Any]], catalogue: psycopg.Connection[Any]
) -> None:
    role, db = inside
    differences = []
    for function, row in privileges.rows("function").items():
        found = privileges.outcome(db, privileges.call(catalogue, function))
        if (found == DENIED) != (row[role] == "–"):
            differences.append((function, row[role], found))
    assert differences == []


def test_each_update_that_is_marked_as_limited_is_tried_both_ways() -> None:
    marked = {table for table, row in privileges.rows("table").items() for text in row.values() if "U*" in text}
    assert marked == set(LIMITED)


@pytest.mark.parametrize("role", [role for role in ROLES if role not in INSIDE])
def test_the_roles_of_other_services_do_not_get_in(wallet: WholeWallet, role: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(wallet.made.url_of(role))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_no_role_of_ours_enters_the_databases_that_every_server_has(
    wallet: WholeWallet, role: str, database: str
) -> None:
    address = provision.address(wallet.made.superuser_url, database, role, PASSWORD)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(address)


ATTACKS = [
    "SET ROLE wallet_owner",
    "SET SESSION AUTHORIZATION wallet_owner",
    "SET session_replication_role = replica",
    "ALTER TABLE ledger.entry DISABLE TRIGGER no_change",
    "ALTER TABLE ledger.entry DISABLE TRIGGER ALL",
    "ALTER TABLE ledger.balance DROP CONSTRAINT balance_above_floor",
    "ALTER TABLE ledger.entry OWNER TO CURRENT_USER",
    "DROP TABLE ledger.unsealed",
    "DROP TRIGGER no_change ON ledger.entry",
    "DROP SCHEMA ledger CASCADE",
    "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE sql AS 'SELECT NULL'",
    "ALTER FUNCTION ledger.close_account(text) SECURITY INVOKER",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY ledger.entry FROM PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/entries'",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_switch_wal()",
    "CREATE TABLE public.mine (x int)",
    "CREATE TEMP TABLE mine (x int)",
    "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "GRANT wallet_owner TO CURRENT_USER",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "ALTER DATABASE postgres SET fsync = off",
    "SELECT setval('ledger.journal_id_seq', 1)",
    "SELECT nextval('ledger.account_id_seq')",
    "LOCK TABLE ledger.balance IN ACCESS EXCLUSIVE MODE",
]


@pytest.mark.parametrize("role", [SERVICE, AUDITOR])
def test_who_works_in_the_database_gets_no_further_than_its_rights(wallet: WholeWallet, role: str) -> None:
    with psycopg.connect(wallet.made.url_of(role), autocommit=True) as db:
        db.execute("SET default_transaction_read_only = off")
        found = {attack: privileges.outcome(db, attack) for attack in ATTACKS}
    assert {attack: state for attack, state in found.items() if state != DENIED} == {}


def test_even_the_owner_is_no_administrator(wallet: WholeWallet) -> None:
    beyond = ("SET session", "COPY", "SELECT rolpassword", "SELECT passwd", "SELECT pg_", "CREATE ROLE")
    with psycopg.connect(wallet.made.owner_url, autocommit=True) as db:
        found = {attack: privileges.outcome(db, attack) for attack in ATTACKS if attack.startswith(beyond)}
    assert len(found) == 9
    assert set(found.values()) == {DENIED}


def test_no_role_has_a_sequence_a_membership_or_a_power_and_public_has_nothing(
    catalogue: psycopg.Connection[Any],
) -> None:
    visitors = [role for role in ROLES if role != OWNER]
    powers = catalogue.execute(
        "SELECT rolname FROM pg_roles r WHERE rolname = ANY (%s) AND (rolsuper OR rolcreatedb OR rolcreaterole"
        " OR rolreplication OR rolbypassrls OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid))",
        (ROLES,),
    )
    assert powers.fetchall() == []
    sequences = catalogue.execute(
        "SELECT r.role, c.relname FROM pg_class c CROSS JOIN unnest(%s::text[]) r(role) WHERE c.relkind = 'S'"
        " AND has_sequence_privilege(r.role, c.oid, 'USAGE, SELECT, UPDATE')",
        (visitors,),
    )
    assert sequences.fetchall() == []
    public = catalogue.execute(
        """
        SELECT 'database ' || datname, privilege_type FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba)))
         WHERE grantee = 0 AND datname IN (current_database(), 'postgres', 'template1')
        UNION ALL
        SELECT 'schema ' || nspname, privilege_type FROM pg_namespace, aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
         WHERE grantee = 0 AND nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL
        SELECT 'table ' || relname, privilege_type FROM pg_class, aclexplode(relacl)
         WHERE grantee = 0 AND relnamespace <> 'pg_catalog'::regnamespace
           AND relnamespace <> 'information_schema'::regnamespace
        """
    )
    # To look a name up in schema public; what stands there has its own rights.
    assert public.fetchall() == [("schema public", "USAGE")]


def test_the_auditor_reads_only_by_itself_and_the_verifier_needs_no_more(wallet: WholeWallet) -> None:
    with psycopg.connect(wallet.made.url_of(AUDITOR), autocommit=True) as db:
        assert db.execute("SHOW default_transaction_read_only").fetchall() == [("on",)]
    report = wallet.verify(wallet.made.url_of(AUDITOR))
    assert (report.as_lines()[-1], report.blocks, report.unsealed) == ("0 differences", 2, 1)


def test_a_role_with_more_than_its_rights_ends_the_provisioning(server: TestServer, tmp_path: Path) -> None:
    with psycopg.connect(server.running.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE tempted_service CREATEROLE")
        admin.execute("CREATE ROLE tempted_owner")
        try:
            with pytest.raises(Mistake, match=r"more rights than they may have: tempted_service\."):
                provision.ensure_roles(admin, "tempted", lambda role: PASSWORD)
            admin.execute("ALTER ROLE tempted_service NOCREATEROLE")
            provision.ensure_roles(admin, "tempted", lambda role: PASSWORD)
            admin.execute("GRANT tempted_owner TO tempted_service")
            with pytest.raises(Mistake, match="tempted_service"):
                provision.ensure_roles(admin, "tempted", lambda role: PASSWORD)
        finally:
            admin.execute("DROP ROLE tempted_service, tempted_owner")
