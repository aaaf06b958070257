"""Every column of every table of the books, edited by somebody who can switch every guard off: the verifier names the row.

Which tables and columns there are is read from the models, which another test holds equal to the database: a new column
is tried as soon as it is there, and fails here until the verifier knows of it or somebody writes down why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

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
from wallet.audit.differences import Difference, Report

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
NOT_DETECTED = {
    "hold.purpose": "words: the id is what a capture and a batch name",
    "hold.expires_at": "when what is set apart goes back to its own account, and nowhere else",
    "bulk_batch.number": "the order in lists",
    "bulk_batch.on_behalf_of": "only of a batch by a service, and then on each journal too",
    "bulk_batch.inbox_id": "where the file was while it was read; what was read is under the content hash",
    "bulk_batch.media_type": "how the file was read",
    "bulk_batch.file_sha256": "of the file as it came in; what was read is under the content hash",
    "bulk_batch.attempts": "how often a worker began",
    "bulk_batch.checks_done": "which check comes next, and none does",
    "bulk_batch.posted_at": "when a worker saw that all was done; each chunk and journal has its own time",
    "bulk_exception.code": "words: that a line is left out is under the content hash",
    "bulk_exception.message": "words: that a line is left out is under the content hash",
}


class Case(NamedTuple):
    """A row to tamper with, and how the verifier may call it."""

    where: str
    names: Callable[[dict[str, Any]], set[tuple[str, str]]]
    """Table and key in the report, from the row as it was or as it became."""


def month(day: date) -> str:
    return f"{day:%Y-%m}"


CASES = {
    "journal": Case("decision = 'decision/1'", lambda r: {("journal", f"id={r['id']}")}),
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
    "loan": Case("true", lambda r: {("loan", f"id={r['id']}"), ("balance", f"account_id={r['account_id']}")}),
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
    "period_close": Case(
        "month = '2026-08-01'",
        lambda r: {
            ("period_close", f"month={month(r['month'])}"),
            ("period_balance", f"month={month(r['month'])}, account_id=1"),
        },
    ),
    "period_balance": Case(
        "month = '2026-08-01' AND account_id = (SELECT id FROM ledger.account WHERE address = 'holder:anna:vrij')",
        lambda r: {("period_balance", f"month={month(r['month'])}, account_id={r['account_id']}")},
    ),
    "bulk_batch": Case(
        "true", lambda r: {("bulk_batch", f"id={r['id']}"), ("bulk_chunk", f"batch_id={r['id']}, chunk=1")}
    ),
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
# The other entry of the same journal, and the other event of the same hold.
OTHER_ENTRY = "grant_key IS NULL AND journal_id = (SELECT journal_id FROM ledger.entry WHERE grant_key = 'july/anna')"
CAPTURED_FIRST = (
    "sequence = 1 AND hold_id = (SELECT hold_id FROM ledger.hold_event WHERE kind = 'captured' AND amount = 40)"
)
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
    """A wallet with every guard off: no trigger, no check, no foreign key, no identity."""
    with server.fresh("wallet") as made, pytest.MonkeyPatch.context() as patched:
        filled = fill(made, callers, tmp_path_factory.mktemp("whole"), patched)
        made.database.close()
        with psycopg.connect(made.superuser_url) as db:
            for table in LEDGER:
                db.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL")
            for statement in db.execute(
                "SELECT format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', conrelid::regclass, conname)"
                "  FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace AND contype IN ('c', 'f', 'u')"
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

    def first(self) -> Difference:
        """Give what the verifier names first."""
        report = self.verify()
        assert not report.ok, "nothing was found"
        return report.differences[0]


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
        first = tampered.first()
        # A journal that is not as its batch says is as it was sealed: the batch that is named with it was edited.
        is_named_with_it = table == "bulk_batch" and first.what.endswith(f"the terms of transfer batch {row['id']}")
        assert (first.table, first.key) in case.names(row) | case.names(edited) or is_named_with_it


# What is put in beside a row that is there: a copy of it under another key.
COPIES = {
    "journal": {"id": "id + 1000"},
    "entry": {"version": "version + 1000", "line": "line + 1000", "grant_key": "'new'"},
    "account": {"id": "id + 1000", "address": "'holder:nobody:vrij'"},
    "balance": {"account_id": "account_id + 1000"},
    "loan": {"id": "gen_random_uuid()"},
    "hold": {"id": "gen_random_uuid()"},
    "hold_event": {"sequence": "sequence + 1"},
    "unsealed": {"journal_id": "journal_id + 1000"},
    "block": {"number": "number + 2"},
    "block_journal": {"position": "position + 1000", "journal_id": "journal_id + 1000"},
    "period_close": {"month": "date '2026-09-01'"},
    "period_balance": {"account_id": "account_id + 1000"},
    "bulk_batch": {"id": "gen_random_uuid()", "number": "number + 1"},
    "bulk_line": {"line": "line + 1000"},
    "bulk_exception": {"line": "line + 1000"},
    "bulk_chunk": {"chunk": "chunk + 1000"},
}
# Two rows whose places are exchanged.
SWAPS = {
    "journal": ("id", "decision = 'decision/1'", "id = (SELECT min(id) FROM ledger.journal)"),
    "entry": ("line", CASES["entry"].where, OTHER_ENTRY),
    "account": ("address", "address = 'holder:anna:vrij'", "address = 'holder:cas:vrij'"),
    "balance": ("account_id", "account_id = 1", "account_id = 2"),
    "hold": ("account_id", "state = 'open'", "state <> 'open' AND purpose LIKE 'transfer-batch/%'"),
    "hold_event": ("sequence", CASES["hold_event"].where, CAPTURED_FIRST),
    "block": ("number", "number = 1", "number = 2"),
    "block_journal": ("position", "block_number = 1 AND position = 2", "block_number = 1 AND position = 3"),
    "period_balance": (
        "account_id",
        "month = '2026-07-01' AND account_id = 1",
        "month = '2026-07-01' AND account_id = 2",
    ),
    "bulk_line": ("line", "line = 2", "line = 5"),
    "bulk_chunk": ("chunk", "chunk = 1", "chunk = 3"),
}


@pytest.mark.parametrize("table", CASES)
def test_a_deleted_row_is_found_and_named(tampered: Tampered, table: str) -> None:
    case = CASES[table]
    [row] = tampered.change(f"DELETE FROM ledger.{table} WHERE {case.where} RETURNING *")
    first = tampered.first()
    assert (first.table, first.key) in case.names(row), first


@pytest.mark.parametrize("table", CASES)
def test_a_row_put_in_is_found_and_named(tampered: Tampered, table: str) -> None:
    case = CASES[table]
    other = COPIES[table]
    columns = [column.name for column in LEDGER[table].columns]
    copied = ", ".join(other.get(name, name) for name in columns)
    [row] = tampered.change(
        f"INSERT INTO ledger.{table} ({', '.join(columns)}) SELECT {copied} FROM ledger.{table} WHERE {case.where} RETURNING *"
    )
    first = tampered.first()
    assert (first.table, first.key) in case.names(row), first


@pytest.mark.parametrize("table", SWAPS)
def test_two_rows_that_changed_places_are_found_and_one_of_them_named(tampered: Tampered, table: str) -> None:
    column, one, other = SWAPS[table]
    [first_row] = tampered.rows(f"SELECT *, ctid::text AS place FROM ledger.{table} WHERE {one}")
    [second_row] = tampered.rows(f"SELECT *, ctid::text AS place FROM ledger.{table} WHERE {other}")
    between = "gen_random_uuid()" if isinstance(first_row[column], UUID) else "'x'" if column == "address" else "-1"
    [moved] = tampered.change(
        f"UPDATE ledger.{table} SET {column} = {between} WHERE ctid = '{first_row['place']}' RETURNING ctid::text AS place"
    )
    tampered.change(
        f"UPDATE ledger.{table} SET {column} = '{first_row[column]}' WHERE ctid = '{second_row['place']}'",
        f"UPDATE ledger.{table} SET {column} = '{second_row[column]}' WHERE ctid = '{moved['place']}'",
    )
    first = tampered.first()
    assert (first.table, first.key) in CASES[table].names(first_row) | CASES[table].names(second_row), first


REHEADED = """
UPDATE ledger.block SET header = ledger.block_header(row(number, previous_header, root, journals, entries, first_journal,
                                                         last_journal, sums, sealed_at, format_version, header))
 WHERE number = {0}
"""


@pytest.mark.parametrize(
    ("cut", "named"),
    [
        (["DELETE FROM ledger.block WHERE number = 2"], ("block", "number=2")),
        (
            ["DELETE FROM ledger.block_journal WHERE block_number = 2", "DELETE FROM ledger.block WHERE number = 2"],
            ("block", "number=2"),
        ),
        (
            # The first block out, and the second made to follow nothing: the chain holds, the signature does not.
            [
                "DELETE FROM ledger.block_journal WHERE block_number = 1",
                "DELETE FROM ledger.block WHERE number = 1",
                "UPDATE ledger.block_journal SET block_number = 1 WHERE block_number = 2",
                "UPDATE ledger.block SET number = 1, previous_header = decode(repeat('00', 32), 'hex') WHERE number = 2",
                REHEADED.format(1),
            ],
            ("block", "number=1"),
        ),
        (
            # A sealed amount changed, with every hash above it made anew.
            [
                "UPDATE ledger.journal SET actor = 'nobody' WHERE id = (SELECT last_journal FROM ledger.block WHERE number = 2)",
                "UPDATE ledger.block SET root = sha256('x') WHERE number = 2",
                REHEADED.format(2),
            ],
            None,
        ),
    ],
    ids=["the last block", "the last block with its journals' seals", "the first block", "a history written anew"],
)
def test_a_chain_that_was_cut_or_mended_without_the_key_is_found(
    tampered: Tampered, cut: list[str], named: tuple[str, str] | None
) -> None:
    tampered.change(*cut)
    report = tampered.verify()
    found = [(difference.table, difference.key) for difference in report.differences]
    journal = tampered.rows("SELECT max(last_journal) AS id FROM ledger.block")[0]["id"] if named is None else None
    assert found[0] == (named or ("journal", f"id={journal}"))
    # Whatever agrees inside the database, the signature or the anchor does not.
    assert any(table == "block" for table, _ in found)
