"""The ledger by itself: a million transfers posted in sets, and the page that a holder looks at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from foundation.database import Database
from tests.benchmark.books import CHUNK, MILLION, open_books, post_all
from tests.benchmark.report import Report, Row
from tests.support.databases import ServiceDatabase, TestServer
from wallet.ledger import queries

pytestmark = pytest.mark.benchmark

LARGE_ENTRIES = 10_000_000
SMALL_ENTRIES = 10_000
PAGES = 300

IN_SETS = "The posting function"
PAGE = "The balance page"

_ENTRY = (
    "account_id, version, journal_id, line, counter_account_id, amount, balance_after, grant_key, reference,"
    " explanation, hold_id, reversed_journal_id, reversed_line, nonce"
)


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    """A PostgreSQL as the house starts it: nothing is acknowledged before it is on disk."""
    server = TestServer.start(tmp_path_factory.mktemp("durable"), durable=True)
    yield server
    server.stop()


def copy_floor(url: str) -> float:
    """COPY the newest million entries into a table of the same shape, size and indexes, and update as many balances."""
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE floor_entry (LIKE ledger.entry INCLUDING ALL)")
        db.execute("CREATE TABLE floor_balance (LIKE ledger.balance INCLUDING ALL)")
        db.execute("INSERT INTO floor_balance SELECT * FROM ledger.balance")
        first = f"(SELECT max(id) - {MILLION // CHUNK} FROM ledger.journal)"
        db.execute(f"INSERT INTO floor_entry SELECT * FROM ledger.entry WHERE journal_id <= {first}")
        db.execute(f"CREATE TABLE source AS SELECT * FROM ledger.entry WHERE journal_id > {first}")
        db.execute("ANALYZE source")
        db.execute("ANALYZE floor_balance")
        with (
            db.cursor() as cursor,
            cursor.copy(
                f"COPY (SELECT {_ENTRY} FROM source ORDER BY journal_id, line) TO STDOUT (FORMAT binary)"
            ) as out,
        ):
            content = b"".join(bytes(part) for part in out)
        db.commit()
        began = time.perf_counter()
        with db.cursor() as cursor, cursor.copy(f"COPY floor_entry ({_ENTRY}) FROM STDIN (FORMAT binary)") as into:
            for at in range(0, len(content), 2**20):
                into.write(content[at : at + 2**20])
        db.execute(
            "UPDATE floor_balance b SET posted = s.balance_after, version = s.version FROM source s"
            " WHERE b.account_id = s.account_id AND s.line <= %s",
            (2 * CHUNK,),
        )
        db.commit()
        took = time.perf_counter() - began
        db.execute("DROP TABLE source, floor_entry, floor_balance")
        return took


@pytest.mark.timeout(1800)
def test_a_million_top_ups_in_sets(durable: TestServer, report: Report) -> None:
    report.chapter(
        IN_SETS,
        "`ledger.post` called with 10,000 transfers at a time over one connection, each call a transaction: accounts"
        " found, balances locked, floors, ceilings and grant keys checked, journal, entries and balances written, zero"
        " sum checked. Not included: HTTP, sealing. The floor is COPY of the same million entries, all columns, into a"
        " table with the same indexes and the same number of rows before, and one UPDATE of a million balances, with no"
        " check at all.",
    )
    with durable.fresh("wallet") as books:
        purses = open_books(books.owner_url, MILLION)
        with psycopg.connect(books.service_url) as db:
            report.measured_on(str(db.info.server_version // 10_000))
            post_all(db, purses, "start")
            with psycopg.connect(books.superuser_url, autocommit=True) as superuser:
                superuser.execute("VACUUM ANALYZE")
            seconds = post_all(db, purses, "top-up")
        floor_s = copy_floor(books.owner_url)
    total = sum(seconds)
    tenth = len(seconds) // 10
    first, last = sum(seconds[:tenth]), sum(seconds[-tenth:])
    report.add(
        IN_SETS,
        Row(
            "1,000,000 top-ups from one fund",
            f"{MILLION / total:,.0f}/s ({total:.1f} s)",
            f"{MILLION / floor_s:,.0f}/s",
            f"{floor_s / total:.2f}",
            "≥ 0.50",
        ),
    )
    report.add(
        IN_SETS,
        Row(
            "the last tenth of them",
            f"{last:.2f} s",
            f"the first tenth: {first:.2f} s",
            f"{last / first:.2f}",
            "about 1",
        ),
    )


def fill(books: ServiceDatabase, entries: int) -> str:
    """Write entries straight into the tables, ten on each purse; gives a holder with three purses of forty entries."""
    holder = f"holder:{uuid4()}"
    with psycopg.connect(books.superuser_url) as db:
        db.execute("SET session_replication_role = replica")
        db.execute("ALTER TABLE ledger.entry DISABLE TRIGGER adds_up")
        db.execute(
            """
            INSERT INTO ledger.journal (kind, value_date, recorded_at, actor, format_version)
            SELECT 'top-up', date '2026-01-01' + i / 40, now(), 'benchmark', 1 FROM generate_series(1, 10000) i
            """
        )
        db.execute(
            """
            WITH opened AS (
                INSERT INTO ledger.account (address, asset, kind, purse)
                SELECT 'holder:' || gen_random_uuid() || ':vrij', 'EUR', 'purse', 'vrij' FROM generate_series(1, %(purses)s)
                UNION ALL
                SELECT %(holder)s || ':' || p.code, 'EUR', 'purse', p.code
                  FROM ledger.purse p WHERE p.code IN ('burgerbudget', 'vrij', 'leefgeld')
                RETURNING id, address)
            INSERT INTO ledger.balance (account_id, posted, version, floor, lock_rank)
            SELECT id, n.count * 100, n.count, 0, 0
              FROM opened, LATERAL (SELECT CASE WHEN address LIKE %(holder)s || '%%' THEN 40 ELSE 10 END AS count) n
            """,
            {"purses": entries // 10, "holder": holder},
        )
        db.execute(
            """
            INSERT INTO ledger.entry (account_id, version, journal_id, line, amount, balance_after, reference, explanation, nonce)
            SELECT b.account_id, v, 1 + (v * 251) % 10000, b.account_id::int, 100, v * 100, 'decision/' || b.account_id,
                   'burgerbudget.topUp', '\\x00112233445566778899aabbccddeeff'
              FROM ledger.balance b, generate_series(1, b.version) v WHERE b.version > 0
            """
        )
        db.commit()
        db.autocommit = True
        db.execute("VACUUM ANALYZE ledger.entry, ledger.account, ledger.balance, ledger.journal")
    return holder


def page_seconds(database: Database, holder: str) -> float:
    """Give the median of reading a holder's purses and newest transactions."""
    seconds = []
    for _ in range(PAGES):
        with database.reading() as db:
            began = time.perf_counter()
            purses = queries.purses_of(db, holder)
            transactions, _ = queries.transactions_of(db, holder, limit=50)
            seconds.append(time.perf_counter() - began)
        assert (len(purses), len(transactions)) == (3, 50)
    return sorted(seconds)[PAGES // 2]


@pytest.mark.timeout(1800)
def test_the_balance_page_in_a_large_ledger(durable: TestServer, report: Report) -> None:
    report.chapter(
        PAGE,
        "The two queries behind a holder's page: the purses with their balances, and the newest 50 transactions of all"
        " purses, in one read-only transaction. Not included: HTTP and drawing the page.",
    )
    with durable.fresh("wallet") as small, durable.fresh("wallet") as large:
        small_holder, large_holder = fill(small, SMALL_ENTRIES), fill(large, LARGE_ENTRIES)
        page_seconds(small.database, small_holder)
        small_s, large_s = page_seconds(small.database, small_holder), page_seconds(large.database, large_holder)
    report.add(
        PAGE,
        Row(
            "10,000,000 entries in the ledger",
            f"{large_s * 1000:.2f} ms",
            f"10,000 entries: {small_s * 1000:.2f} ms",
            f"{large_s / small_s:.2f}",
            "≤ 1.20",
        ),
    )
