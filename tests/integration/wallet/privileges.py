"""The written matrix of docs/privileges.md, read as data, and the same questions asked of a database."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

DOCUMENT = Path(__file__).parents[3] / "docs" / "privileges.md"
LETTERS = {
    "S": "SELECT",
    "I": "INSERT",
    "U": "UPDATE",
    "D": "DELETE",
    "T": "TRUNCATE",
    "R": "REFERENCES",
    "G": "TRIGGER",
}
_TOKEN = re.compile(r"(\()?([SIUDTRG])(\*)?(?:\(([a-z_, ]+)\))?(?(1)\))")

# PostgreSQL's own answer to: permission denied; a trigger of ours said no.
DENIED = "42501"
STOPPED = "23001"


@dataclass(frozen=True)
class Right:
    """One verb that a role has on a table: on some columns only, stopped by a trigger always, or limited by one."""

    verb: str
    columns: frozenset[str] = frozenset()
    stopped: bool = False
    limited: bool = False


def rows(kind: str) -> dict[str, dict[str, str]]:
    """Give the rows of the tables in the document whose first column is headed `kind`, with a cell per role."""
    found: dict[str, dict[str, str]] = {}
    roles: list[str] | None = None
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            roles = None
        elif roles is None:
            roles = cells[1:] if cells[0] == kind else []
        elif roles and not set(line) <= set("|-: "):
            name = cells[0].strip("`")
            assert name not in found, f"{name} stands in the document twice"
            found[name] = dict(zip(roles, cells[1:], strict=True))
    return found


def cell(written: str) -> dict[str, Right]:
    """Read one cell of the table of tables, such as `S U*(state, reason) (D)`."""
    if written == "–":
        return {}
    left = _TOKEN.sub("", written).strip()
    assert left == "", f"{left!r} of {written!r} means nothing"
    found = {}
    for match in _TOKEN.finditer(written):
        columns = frozenset(name.strip() for name in (match[4] or "").split(",") if name.strip())
        verb = LETTERS[match[2]]
        found[verb] = Right(verb, columns, stopped=match[1] is not None, limited=match[3] is not None)
    return found


def tables(db: psycopg.Connection[Any]) -> list[str]:
    """Give every table of ours, with its schema."""
    return _names(
        db,
        "SELECT format('%s.%s', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
    )


def functions(db: psycopg.Connection[Any]) -> list[str]:
    """Give every function, procedure and aggregate of ours, with the types of its arguments."""
    return _names(
        db,
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'",
    )


def columns(db: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """Give the columns of a table that can be written, with their types."""
    found = db.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum",
        (table,),
    )
    return dict(found.fetchall())


def held_by(db: psycopg.Connection[Any], role: str, table: str) -> dict[str, frozenset[str]]:
    """Give what the catalogue says a role may do with a table: each verb, with the columns where it is not all."""
    found: dict[str, frozenset[str]] = {}
    for verb in LETTERS.values():
        if db.execute("SELECT has_table_privilege(%s, %s, %s)", (role, table, verb)).fetchall()[0][0]:
            found[verb] = frozenset()
        elif verb in ("SELECT", "INSERT", "UPDATE", "REFERENCES"):
            some = _names(
                db,
                "SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped"
                " AND has_column_privilege(%(role)s, attrelid, attnum, %(verb)s)",
                {"table": table, "role": role, "verb": verb},
            )
            if some:
                found[verb] = frozenset(some)
    return found


def _names(db: psycopg.Connection[Any], query: str, values: Any = None) -> list[str]:
    return sorted(str(name) for (name,) in db.execute(query, values))  # type: ignore[arg-type]


def attempt(db: psycopg.Connection[Any], table: str, verb: str, among: Iterable[str] = ()) -> str:
    """Give a statement that does what a verb allows (on one of some columns) and goes through where nothing forbids it."""
    known = columns(db, table)
    name = next(each for each in known if each in among or not among)
    match verb:
        case "SELECT":
            return f"SELECT * FROM {table} LIMIT 1"
        case "INSERT":
            return f"INSERT INTO {table} ({name}) SELECT NULL::{known[name]} WHERE false"
        case "UPDATE":
            return f"UPDATE {table} SET {name} = {name}"
        case "DELETE":
            return f"DELETE FROM {table}"
        case "TRUNCATE":
            return f"TRUNCATE {table} CASCADE"
        case "TRIGGER":
            function = "suppress_redundant_updates_trigger()"
            return f"CREATE TRIGGER probe BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}"
    keys = db.execute(
        "SELECT string_agg(format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY k.i),"
        "       string_agg(quote_ident(a.attname), ', ' ORDER BY k.i)"
        "  FROM pg_index x CROSS JOIN LATERAL unnest(x.indkey::int[]) WITH ORDINALITY k(attnum, i)"
        "  JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum"
        " WHERE x.indrelid = %s::regclass AND x.indisprimary",
        (table,),
    ).fetchall()[0]
    return f"CREATE TABLE public.probe ({keys[0]}, FOREIGN KEY ({keys[1]}) REFERENCES {table})"


def call(db: psycopg.Connection[Any], function: str) -> str:
    """Give a statement that calls a function with nothing at all."""
    kind, types = db.execute(
        "SELECT prokind, ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) t) FROM pg_proc"
        " WHERE oid = %s::regprocedure",
        (function,),
    ).fetchall()[0]
    given = ", ".join(f"NULL::{each}" for each in types)
    return f"{'CALL' if kind == 'p' else 'SELECT'} {function.partition('(')[0]}({given})"


def outcome(db: psycopg.Connection[Any], statement: str) -> str | None:
    """Try a statement and take it back; gives the SQLSTATE that refused it, or None."""
    try:
        with db.transaction(force_rollback=True):
            db.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None
