"""The close of a quarter and the import of its hours, end to end through the house."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.benchmark.report import Report, Row
from tests.support.house import House, wait_until

pytestmark = pytest.mark.benchmark

FIRST = 5_000_000
SMALL = 10_000
LARGE = 100_000
HOUR_ROWS = 10
FILE_ROWS = 100_000

CLOSE = "Hours in, quarter closed"


def seed(house: House, participants: int, offset: int, quarter: str) -> None:
    """Write holders and started participants into both databases, and their start amounts into the ledger."""
    with psycopg.connect(house.owner_url("burgerbudget")) as db, psycopg.connect(house.owner_url("wallet")) as wallet:
        db.execute(
            """
            INSERT INTO burgerbudget.participant
                (number, holder_id, regeling, enrolled_on, start_quarter, receives_bijstand, status, insufficient_quarters,
                 started, granted, used, enrolled_by, enrolled_at)
            SELECT (%(first)s + i)::text, gen_random_uuid()::text, 'burgerbudget', '2026-07-01', %(quarter)s, false, 'active', 0,
                   true, 100000, 0, 'benchmark', now()
            FROM generate_series(1, %(count)s) i
            """,
            {"first": FIRST + offset, "count": participants, "quarter": quarter},
        )
        rows = db.execute(
            "SELECT number, holder_id FROM burgerbudget.participant WHERE number > %s ORDER BY number",
            (str(FIRST + offset),),
        ).fetchall()
        wallet.execute("SELECT ledger.register_owners(%s)", ([f"holder:{holder}" for _, holder in rows],))
        for begin in range(0, len(rows), 10_000):
            chunk = rows[begin : begin + 10_000]
            wallet.execute(
                "SELECT ledger.post('start', '2026-07-01', 'benchmark', NULL, NULL, NULL, NULL, NULL,"
                " %s, %s, %s, %s, %s, NULL, NULL, NULL)",
                (
                    ["fund:burgerbudget"] * len(chunk),
                    [f"holder:{holder}:burgerbudget" for _, holder in chunk],
                    [100_000] * len(chunk),
                    ["EUR"] * len(chunk),
                    [f"start/{number}" for number, _ in chunk],
                ),
            )
            wallet.commit()


def fill_fund(house: House) -> None:
    """Create the fund and deposit a thousand million euros, by two people."""
    maker, checker = house.client("finance-maker"), house.client("finance-checker")
    house.post(maker, "/api/wallet/v1/funds", {"code": "burgerbudget", "name": "Burgerbudget", "asset": "EUR"})
    deposit = {"amount": 100_000_000_000, "reference": "benchmark", "reason": "benchmark"}
    proposed = house.post(maker, "/api/wallet/v1/funds/burgerbudget/deposits", deposit)
    house.post(checker, f"/api/wallet/v1/funds/burgerbudget/deposits/{proposed['id']}/confirmations")


def hours_file(first: int, participants: int, rows_each: int, month: str) -> bytes:
    """Make a file of hours: 4 hours on each day for four out of five participants, 3.5 for the fifth (35 in all)."""
    lines = ["externalId;participantNumber;workedOn;hours;activity"]
    lines += [
        f"{month}-{number}-{day};{number};{month}-{day:02d};{'4' if number % 5 else '3,5'};koffie"
        for number in range(first, first + participants)
        for day in range(1, rows_each + 1)
    ]
    return ("\n".join(lines) + "\n").encode()


def send(house: House, client: httpx.Client, content: bytes) -> str:
    answer = client.post(
        "/api/burgerbudget/v1/hours/batches?partial=true",
        content=content,
        headers={"Content-Type": "text/csv", "Idempotency-Key": str(uuid4())},
    )
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_imported(client: httpx.Client, batch: str, expected: int) -> None:
    def done() -> bool:
        found = client.get(f"/api/burgerbudget/v1/hours/batches/{batch}").json()
        assert found["state"] != "refused", found
        return bool(found["state"] == "imported" and found["accepted"] == expected)

    wait_until(done, f"batch {batch}", within_s=600, every_s=0.2)


def outbox_empty(house: House) -> bool:
    admin = house.client("admin")
    states = ("pending", "leased", "dead")
    return not any(admin.get(f"/api/burgerbudget/v1/outbox?state={state}&limit=1").json()["items"] for state in states)


def copy_floor(house: House, transfers: int) -> float:
    """Measure COPY of the same number of rows (two a transfer) into a table with the entries' two indexes."""
    with psycopg.connect(house.owner_url("wallet")) as db:
        db.execute(
            "CREATE TEMP TABLE floor (account_id bigint, version bigint, journal_id bigint, line int, amount bigint,"
            " balance_after bigint, grant_key text, PRIMARY KEY (account_id, version), UNIQUE (journal_id, line))"
        )
        began = time.perf_counter()
        with db.cursor() as cursor, cursor.copy("COPY floor FROM STDIN") as copy:
            for n in range(transfers):
                copy.write_row((n * 7919 % 1_000_003, n, n // 10_000, 2 * n, 100, 100, None))
                copy.write_row((n * 7919 % 1_000_003, n + 1_000_000, n // 10_000, 2 * n + 1, -100, 0, f"k/{n}"))
        db.commit()
        return time.perf_counter() - began


def import_hours(house: House, client: httpx.Client, first: int, participants: int, month: str) -> float:
    """Send ten rows for each participant in files of 100,000 rows; gives the seconds until all are judged."""
    began = time.perf_counter()
    per_file = min(participants, FILE_ROWS // HOUR_ROWS)
    batches = [
        send(house, client, hours_file(start, per_file, HOUR_ROWS, month))
        for start in range(first, first + participants, per_file)
    ]
    for batch in batches:
        wait_imported(client, batch, per_file * HOUR_ROWS)
    return time.perf_counter() - began


def close(house: House, quarter: str, memory: dict[str, float]) -> tuple[float, dict[str, Any]]:
    """Close a quarter; gives the seconds until every posting is acknowledged, and the closing's figures."""
    maker = house.client("finance-maker")
    began = time.perf_counter()
    house.post(maker, f"/api/burgerbudget/v1/quarters/{quarter}/closings")
    state: dict[str, Any] = {}

    def closed() -> bool:
        state.update(maker.get(f"/api/burgerbudget/v1/quarters/{quarter}").json())
        memory.update({name: max(mb, memory.get(name, 0)) for name, mb in house.memory_mb().items()})
        assert state.get("problem") is None, state
        return bool(state["state"] == "closed")

    wait_until(closed, f"close of {quarter}", within_s=900, every_s=0.25)
    return time.perf_counter() - began, state


@pytest.mark.timeout(3000)
def test_import_of_hours_and_close_of_a_quarter(house: House, report: Report) -> None:
    """First 10,000 participants in one quarter, then 100,000 more in the next: the cost of each must be the same."""
    report.chapter(
        CLOSE,
        "Through the gateway and the running house. Import: from the first byte of the CSV to the last judged row. Close:"
        " reading waiting uses, judging, decisions and notices, outbox, delivery over HTTP, posting, the hold on the fund and"
        " its captures, sealing beside it, until every posting is acknowledged. Not included: enrolling the participants,"
        " who are written into the databases directly.",
    )
    fill_fund(house)
    organisation = house.post(
        house.client("caseworker"),
        "/api/burgerbudget/v1/organisations",
        {
            "name": "Stichting Meting",
            "rsin": "811535642",
            "status": "anbi",
            "recognisedFrom": "2019-01-01",
            "paysAllowance": False,
        },
    )["id"]
    client = house.client("organisation", organisation=organisation)
    memory: dict[str, float] = {}

    seed(house, SMALL, 0, "2026-Q3")
    import_hours(house, client, FIRST + 1, SMALL, "2026-09")
    wait_until(lambda: outbox_empty(house), "uses delivered", within_s=900, every_s=0.25)
    small_s, small = close(house, "2026-Q3", memory)

    seed(house, LARGE, SMALL, "2026-Q4")
    house.today("2027-01-04")
    import_s = import_hours(house, client, FIRST + SMALL + 1, LARGE, "2026-11")
    rows = LARGE * HOUR_ROWS
    report.add(
        CLOSE,
        Row(
            f"import of {rows:,} hour rows",
            f"{rows / import_s:,.0f} rows/s ({import_s:.1f} s)",
            "–",
            "–",
            "≥ 5,000 rows/s",
        ),
    )
    large_s, large = close(house, "2026-Q4", memory)
    floor_s = copy_floor(house, large["sufficient"])
    report.add(
        CLOSE,
        Row(
            f"close of {LARGE:,} participants with {rows:,} hour rows, {large['sufficient']:,} top-ups",
            f"{large_s:.1f} s",
            f"COPY of as many entries: {floor_s:.1f} s",
            f"{large_s / floor_s:.1f}",
            "≤ 60 s",
        ),
    )
    per_small, per_large = small_s / SMALL * 1e6, large_s / large["participants"] * 1e6
    report.add(
        CLOSE,
        Row(
            "cost of a participant",
            f"{per_large:.0f} us at {large['participants']:,}",
            f"{per_small:.0f} us at {SMALL:,}",
            f"{per_large / per_small:.2f}",
            "about 1",
        ),
    )
    report.add(CLOSE, Row("largest process of ours meanwhile", f"{max(memory.values()):.0f} MB", "–", "–", "< 300 MB"))
    assert small["sufficient"] == SMALL * 4 // 5
    assert large["participants"] == LARGE + SMALL
    assert large["sufficient"] == LARGE * 4 // 5
    verified = house.command("verify", timeout_s=900)
    assert verified.returncode == 0, verified.stdout
