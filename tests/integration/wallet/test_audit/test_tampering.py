"""Every column of every table of the books, edited by somebody who can switch every guard off: the verifier names the row.

Which tables and columns there are is read from the models, which another test holds equal to the database: a new column
is tried as soon as it is there, and fails here until the verifier knows of it or somebody writes down why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg.rows import dict_row
from sqlmodel import SQLModel

import wallet.audit.models
import wallet.ledger.bulk.models
import wallet.ledger.models  # noqa: F401 - the tables are in SQLModel's metadata from here on
from tests.integration.wallet.whole_wallet import WholeWallet, fill
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase, TestServer
from wallet.audit.differences import Report

# Not of the books themselves, each with what makes an edit of it harmless or plain to see.
NOT_LOOKED_AT = {
    "asset": "an asset that is gone or renamed leaves the accounts that count in it without one",
    "purse": "the terms of what opens next; those of an account that is there stand in its balance",
    "owner": "who may have purses: moves nothing by itself",
    "fund": "names for people; what a fund holds stands on its account",
    "proposal": "what was asked; what was posted of it is a journal that names it, and both people",
    "proposal_decision": "as proposal",
    "block_draft": "empty outside the sealer's own transaction",
}

# Columns that stand nowhere else and are under no seal, each with what an edit can do at most.
NOT_DETECTED: dict[str, str] = {}


class Case(NamedTuple):
    """A row to tamper with, and how the verifier may call it."""

    where: str
    names: Callable[[dict[str, Any]], set[tuple[str, str]]]
    """Table and key in the report, from the row as it was or as it became."""


def month(day: date) -> str:
    return f"{day:%Y-%m}"


CASES = {
    "journal": Case("batch IS NULL AND on_behalf_of IS NOT NULL", lambda r: {("journal", f"id={r['id']}")}),
    "entry": Case(
        "grant_key = 'july/anna'",
        lambda r: {
            ("entry", f"account_id={r['account_id']}, version={r['version']}"),
            ("entry", f"journal_id={r['journal_id']}"),
        },
    ),
    "account": Case(
        "address = 'holder:anna:vrij'",
        lambda r: {("entry", f"account_id={r['id']}, version=1"), ("account", f"id={r['id']}")},
    ),
    "balance": Case(
        "account_id = (SELECT id FROM ledger.account WHERE address = 'holder:anna:vrij')",
        lambda r: {("balance", f"account_id={r['account_id']}"), ("account", f"id={r['account_id']}")},
    ),
    "hold": Case(
        "state = 'open' AND remaining < amount",
        lambda r: {("hold", f"id={r['id']}"), ("balance", f"account_id={r['account_id']}")},
    ),
    "hold_event": Case(
        "kind = 'captured' AND amount = 40",
        lambda r: {
            ("hold", f"id={r['hold_id']}"),
            ("hold_event", f"hold_id={r['hold_id']}, sequence={r['sequence']}"),
        },
    ),
    "unsealed": Case(
        "true", lambda r: {("unsealed", f"journal_id={r['journal_id']}"), ("journal", f"id={r['journal_id']}")}
    ),
    "block": Case("number = 1", lambda r: {("block", f"number={r['number']}")}),
    "block_journal": Case(
        "block_number = 1 AND position = 3",
        lambda r: {
            ("block_journal", f"block_number={r['block_number']}, position={r['position']}"),
            ("block", f"number={r['block_number']}"),
            ("journal", f"id={r['journal_id']}"),
        },
    ),
    "period_close": Case("month = '2026-07-01'", lambda r: {("period_close", f"month={month(r['month'])}")}),
    "period_balance": Case(
        "month = '2026-08-01' AND account_id = (SELECT id FROM ledger.account WHERE address = 'holder:anna:vrij')",
        lambda r: {("period_balance", f"month={month(r['month'])}, account_id={r['account_id']}")},
    ),
    "bulk_batch": Case("true", lambda r: {("bulk_batch", f"id={r['id']}")}),
    "bulk_line": Case(
        "grant_key = 'k/5'",
        lambda r: {("bulk_line", f"batch_id={r['batch_id']}, line={r['line']}"), ("bulk_batch", f"id={r['batch_id']}")},
    ),
    "bulk_exception": Case(
        "stage = 'checking'",
        lambda r: {
            ("bulk_line", f"batch_id={r['batch_id']}, line={r['line']}"),
            ("bulk_batch", f"id={r['batch_id']}"),
        },
    ),
    "bulk_chunk": Case(
        "chunk = 2",
        lambda r: {
            ("bulk_chunk", f"batch_id={r['batch_id']}, chunk={r['chunk']}"),
            ("bulk_batch", f"id={r['batch_id']}"),
        },
    ),
}
LEDGER = {table.name: table for table in SQLModel.metadata.sorted_tables if table.schema == "ledger"}
COLUMNS = [f"{name}.{column.name}" for name in CASES for column in LEDGER[name].columns]

# Another value for a column of a type; times move by more than the minute within which one command writes them all.
OTHER_VALUE = {
    "smallint": "coalesce({0}, 0) + 1",
    "integer": "coalesce({0}, 0) + 1000",
    "bigint": "coalesce({0}, 0) + 1000",
    "text": "coalesce({0}, '') || 'x'",
    "date": "({0} + interval '1 month')::date",
    "timestamp with time zone": "coalesce({0}, '2026-01-01') + interval '1 day'",
    "uuid": "gen_random_uuid()",
    "bytea": "coalesce(sha256({0}), 'x')",
    "boolean": "NOT coalesce({0}, false)",
    "jsonb": """'{{"EUR": 1}}'""",
}


@pytest.fixture(scope="module")
def whole(server: TestServer, callers: Callers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWallet]:
    """A wallet with every guard off: no trigger, no constraint, no identity."""
    with server.fresh("wallet") as made, pytest.MonkeyPatch.context() as patched:
        filled = fill(made, callers, tmp_path_factory.mktemp("whole"), patched)
        made.database.close()
        with psycopg.connect(made.superuser_url) as db:
            for table in LEDGER:
                db.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
            for statement in db.execute(
                "SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname)"
                "  FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace AND contype IN ('c', 'f', 'p', 'u')"
                " UNION ALL"
                " SELECT format('ALTER TABLE %s ALTER %I DROP IDENTITY', attrelid::regclass, attname)"
                "  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r' AND attidentity <> ''"
            ).fetchall():
                db.execute(statement[0])
            db.execute("DROP INDEX ledger.entry_grant_key_once")
        yield filled


class Tampered:
    """A copy of the whole wallet, to be spoiled."""

    def __init__(self, whole: WholeWallet, made: ServiceDatabase) -> None:
        self._whole = whole
        self._made = made

    def change(self, *statements: str) -> list[dict[str, Any]]:
        """Do what must change something; gives what the last one returns."""
        with psycopg.connect(self._made.superuser_url, row_factory=dict_row) as db:
            for statement in statements:
                done = db.execute(statement)
                assert done.rowcount > 0, f"nothing was changed by {statement}"
            return done.fetchall() if done.description else []

    def rows(self, query: str) -> list[dict[str, Any]]:
        with psycopg.connect(self._made.superuser_url, row_factory=dict_row) as db:
            return db.execute(query).fetchall()

    def verify(self) -> Report:
        return self._whole.verify(self._made.url_of("wallet_auditor"))

    def first(self) -> tuple[str, str]:
        """Give what the verifier names first."""
        report = self.verify()
        assert not report.ok, "nothing was found"
        return report.differences[0].table, report.differences[0].key


@pytest.fixture
def tampered(server: TestServer, whole: WholeWallet) -> Iterator[Tampered]:
    with server.copy("wallet", whole.made.name) as made:
        yield Tampered(whole, made)


def test_every_table_of_the_books_is_tampered_with_here(whole: WholeWallet) -> None:
    with psycopg.connect(whole.made.superuser_url) as db:
        found = db.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0"
            " AND NOT a.attisdropped"
        ).fetchall()
    assert {table for table, _ in found} == set(CASES) | set(NOT_LOOKED_AT)
    assert {f"{table}.{column}" for table, column in found if table in CASES} == set(COLUMNS)
    assert set(NOT_DETECTED) < set(COLUMNS)


def test_a_whole_wallet_is_whole(tampered: Tampered) -> None:
    assert tampered.verify().as_lines()[-1] == "0 differences"


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edit_of_any_column_is_found_and_its_row_named(tampered: Tampered, column: str) -> None:
    table, _, name = column.partition(".")
    case = CASES[table]
    [row] = tampered.rows(f"SELECT * FROM ledger.{table} WHERE {case.where}")
    kind = tampered.rows(
        f"SELECT format_type(atttypid, NULL) AS kind FROM pg_attribute WHERE attname = '{name}'"
        f" AND attrelid = 'ledger.{table}'::regclass"
    )[0]["kind"]
    value = OTHER_VALUE[kind].format(name)
    [edited] = tampered.change(f"UPDATE ledger.{table} SET {name} = {value} WHERE {case.where} RETURNING *")
    assert edited[name] != row[name]
    if column in NOT_DETECTED:
        assert tampered.verify().ok, f"{column} is detected now: take it off the list"
    else:
        assert tampered.first() in case.names(row) | case.names(edited)
