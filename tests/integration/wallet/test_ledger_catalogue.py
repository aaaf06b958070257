"""What the catalogue must say of the books: wide numbers, guards that always fire, functions that cannot be led astray."""

from __future__ import annotations

import pytest

from foundation.database import Database
from tests.integration.wallet.ledger_books import Books

SCHEMAS = "('ledger', 'holders', 'payouts')"

# Whole numbers that are no amount, balance, version or identity, and why 2,147,483,647 (or 32,767) is enough.
SMALL_NUMBERS = {
    "ledger.asset.scale": "digits behind the comma",
    "ledger.balance.lock_rank": "one of four",
    "ledger.journal.chunk": "of a file of at most 5,000,000 lines",
    "ledger.journal.format_version": "of the seal",
    "ledger.entry.line": "of a journal of at most 10,000 transfers",
    "ledger.entry.reversed_line": "of a journal of at most 10,000 transfers",
    "ledger.hold_event.sequence": "of one hold",
    "ledger.block.journals": "at most 20,000",
    "ledger.block.entries": "of at most 20,000 journals, and cut at 200,000",
    "ledger.block.format_version": "of the seal",
    "ledger.block_draft.journals": "as in block",
    "ledger.block_draft.entries": "as in block",
    "ledger.block_draft.format_version": "as in block",
    "ledger.block_journal.position": "at most 20,000",
    "ledger.bulk_batch.chunk_lines": "at most 10,000",
    "ledger.bulk_batch.attempts": "at most 12",
    "ledger.bulk_batch.lines_read": "at most 5,000,000",
    "ledger.bulk_batch.lines": "at most 5,000,000",
    "ledger.bulk_batch.checks_done": "at most 4",
    "ledger.bulk_batch.excluded": "at most 5,000,000",
    "ledger.bulk_batch.content_version": "of the hash",
    "ledger.bulk_batch.posted_lines": "at most 5,000,000",
    "ledger.bulk_batch.failed_lines": "at most 5,000,000",
    "ledger.bulk_line.line": "at most 5,000,000",
    "ledger.bulk_exception.line": "at most 5,000,000",
    "ledger.bulk_chunk.chunk": "of a file of at most 5,000,000 lines",
    "ledger.bulk_chunk.lines": "at most 10,000",
    "ledger.bulk_chunk.failed_lines": "at most 10,000",
    "payouts.batch.lines": "one per holder",
    "payouts.batch.content_version": "of the hash",
    "payouts.batch.approvals_needed": "1 or 2",
    "payouts.line.line_no": "one per holder",
    "payouts.bank_message.matched": "entries of one file of at most 32 MiB",
    "payouts.bank_message.returned": "entries of one file of at most 32 MiB",
    "payouts.bank_message.unknown": "entries of one file of at most 32 MiB",
    "payouts.bank_message.repeated": "entries of one file of at most 32 MiB",
    "payouts.bank_entry.number": "in one file of at most 32 MiB",
}

UNGUARDED = {
    "ledger.unsealed": "a queue: the sealer takes out what it sealed, and the verifier knows what must be in it",
    "ledger.block_draft": "empty at every commit: a trigger refuses a commit that leaves a draft behind",
}
# Tables whose rows change, with the trigger that says how far. A holder's name may be mended: it is under no seal.
LIMITED = {
    "ledger.account": "only_close",
    "ledger.balance": "keep_terms",
    "ledger.hold": "only_use_up",
    "ledger.bulk_batch": "move",
    "payouts.announcement": "only_take",
    "payouts.batch": "move",
    "payouts.line": "move",
    "holders.iban": "decide_once",
}
FREE_TO_CHANGE = {"holders.holder"}

# What a foreign key per row would cost on the tables that grow with every posting: 9 to 13 s per million.
WITHOUT_FOREIGN_KEYS = {"entry", "balance", "hold", "hold_event", "unsealed", "block_journal", "bulk_line"}

ON_UPDATE, ON_DELETE, ON_TRUNCATE, BEFORE, EACH_ROW = 16, 8, 32, 2, 1


@pytest.fixture
def books(wallet_database: Database) -> Books:
    return Books(wallet_database, deposit=0)


def test_every_number_is_a_bigint_but_those_that_count_little(books: Books) -> None:
    # Not from information_schema, which leaves out what the asker may not read.
    found = books.rows(
        "SELECT format('%s.%s.%s', n.nspname, c.relname, a.attname) AS name, format_type(a.atttypid, NULL) AS data_type"
        "  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE n.nspname IN {SCHEMAS} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
        "   AND format_type(a.atttypid, NULL) IN"
        "       ('bigint', 'integer', 'smallint', 'numeric', 'real', 'double precision', 'money')"
    )
    small = {row.name for row in found if row.data_type in ("integer", "smallint")}
    assert small == set(SMALL_NUMBERS)
    assert {row.name: row.data_type for row in found if row.data_type not in ("bigint", "integer", "smallint")} == {}
    assert len(found) - len(small) > 50


def test_no_row_of_the_books_can_be_deleted_or_truncated_away_and_few_can_change(books: Books) -> None:
    guarded, changeable = set(), set()
    triggers: dict[str, list[tuple[str, int, bool]]] = {}
    for row in books.rows(
        "SELECT format('%s.%s', n.nspname, c.relname) AS name, t.tgname, t.tgtype::int AS kind,"
        "       t.tgfoid = 'ledger.refuse_change'::regproc AND t.tgqual IS NULL AND t.tgattr::text = '' AS refuses"
        "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        "  LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled = 'A'"
        f" WHERE c.relkind IN ('r', 'p') AND n.nspname IN {SCHEMAS}"
    ):
        triggers.setdefault(row.name, []).append((row.tgname, row.kind or 0, bool(row.refuses)))
    for table, found in triggers.items():
        refused = [kind for _, kind, refuses in found if refuses and kind & BEFORE]
        if any(kind & ON_DELETE and kind & EACH_ROW for kind in refused) and any(k & ON_TRUNCATE for k in refused):
            guarded.add(table)
        if not any(kind & ON_UPDATE and kind & EACH_ROW for kind in refused):
            changeable.add(table)
    assert set(triggers) - guarded == set(UNGUARDED)
    assert changeable == {*UNGUARDED, *LIMITED, *FREE_TO_CHANGE}
    for table, name in LIMITED.items():
        limits = [kind for trigger, kind, _ in triggers[table] if trigger == name]
        assert limits and all(kind & BEFORE and kind & ON_UPDATE and kind & EACH_ROW for kind in limits), table


def test_every_trigger_of_ours_fires_whatever_the_replication_role_is(books: Books) -> None:
    asleep = books.rows(
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE NOT t.tgisinternal AND t.tgenabled <> 'A' AND n.nspname IN {SCHEMAS}"
    )
    assert asleep == []


def test_no_function_that_runs_as_the_owner_can_be_led_to_other_tables(books: Books) -> None:
    definers = books.rows(
        "SELECT p.oid::regprocedure::text AS name, n.nspname,"
        "       (SELECT substr(c, 13) FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AS path"
        "  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        f" WHERE p.prosecdef AND n.nspname IN {SCHEMAS}"
    )
    assert len(definers) > 15
    assert {row.name: row.path for row in definers if row.path != f"{row.nspname}, pg_temp"} == {}
    # Whoever is called from there runs as the owner too: it pins its path, or names every table with its schema.
    unpinned = books.rows(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " JOIN pg_language l ON l.oid = p.prolang"
        f" WHERE n.nspname IN {SCHEMAS} AND l.lanname <> 'sql' AND p.prokind <> 'a'"
        "   AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search\\_path=%, pg\\_temp')"
    )
    assert unpinned == []


def test_nobody_may_call_a_function_without_being_named(books: Books) -> None:
    public = books.rows(
        "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,"
        "       aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a"
        f" WHERE n.nspname IN {SCHEMAS} AND a.grantee = 0"
    )
    assert public == []


def test_what_grows_with_every_posting_has_no_foreign_key_per_row(books: Books) -> None:
    found = books.rows(
        "SELECT DISTINCT conrelid::regclass::text AS name FROM pg_constraint"
        " WHERE contype = 'f' AND connamespace = 'ledger'::regnamespace"
    )
    assert {row.name.removeprefix("ledger.") for row in found} & WITHOUT_FOREIGN_KEYS == set()
    assert found
