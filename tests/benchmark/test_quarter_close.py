"""The close of a quarter and the import of its hours, end to end through the house.

Included: reading waiting uses, judging, decisions, outbox, delivery over HTTP, posting in the ledger, the hold
on the fund and its captures, sealing beside it. Not included: enrolling the participants, who are written into
the databases directly, in one statement each.
"""

from __future__ import annotations

import time
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.support.house import House, wait_until

pytestmark = pytest.mark.benchmark

HOUR_ROWS = 10
FILE_ROWS = 100_000


def seed(house: House, participants: int, offset: int) -> None:
    """Write holders and started participants into both databases, and their start amounts into the ledger."""
    with psycopg.connect(house.owner_url("burgerbudget")) as db, psycopg.connect(house.owner_url("wallet")) as wallet:
        db.execute(
            """
            INSERT INTO burgerbudget.participant
                (number, holder_id, regeling, enrolled_on, start_quarter, receives_bijstand, status, insufficient_quarters,
                 started, granted, used, enrolled_by, enrolled_at)
            SELECT (:first + i)::text, gen_random_uuid()::text, 'burgerbudget', '2026-07-01', '2026-Q3', false, 'active', 0,
                   true, 100000, 0, 'benchmark', now()
            FROM generate_series(1, :count) i
            """.replace(":first", "%(first)s").replace(":count", "%(count)s"),
            {"first": 5_000_000 + offset, "count": participants},
        )
        rows = db.execute(
            "SELECT number, holder_id FROM burgerbudget.participant WHERE number > %s ORDER BY number",
            (str(5_000_000 + offset),),
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


def hours_file(first: int, participants: int, rows_each: int, name: str) -> bytes:
    """Make a file of hours: each participant 4 hours on `rows_each` days, so that every one passes 36 hours at 10."""
    lines = ["externalId;participantNumber;workedOn;hours;activity"]
    lines += [
        f"{name}-{number}-{day};{number};2026-08-{day:02d};{'4' if number % 5 else '3,5'};koffie"
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
        return found["state"] == "imported" and found["accepted"] == expected

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


def test_close_of_a_quarter_and_import_of_its_hours(house: House) -> None:
    fill_fund(house)
    caseworker = house.client("caseworker")
    organisation = house.post(
        caseworker,
        "/api/burgerbudget/v1/organisations",
        {"name": "Stichting Meting", "rsin": "811535642", "status": "anbi", "recognisedFrom": "2019-01-01", "paysAllowance": False},
    )["id"]
    client = house.client("organisation", organisation=organisation)
    maker = house.client("finance-maker")
    per_participant = {}
    quarters = (("2026-Q3", 10_000, 0),)
    participants = 100_000
    del quarters
    seed(house, participants, 0)

    began = time.perf_counter()
    rows = 0
    batches = []
    for first in range(5_000_001, 5_000_001 + participants, FILE_ROWS // HOUR_ROWS):
        batches.append(send(house, client, hours_file(first, FILE_ROWS // HOUR_ROWS, HOUR_ROWS, f"f{first}")))
    for batch in batches:
        wait_imported(client, batch, FILE_ROWS)
        rows += FILE_ROWS
    import_s = time.perf_counter() - began
    print(f"\nhours import: {rows:,} rows in {import_s:.1f} s = {rows / import_s:,.0f} rows/s (target 5,000)")
    wait_until(lambda: outbox_empty(house), "uses delivered", within_s=900, every_s=0.5)
    used_s = time.perf_counter() - began
    print(f"hours import until every use is posted: {used_s:.1f} s")

    memory = house.memory_mb()
    began = time.perf_counter()
    house.post(maker, "/api/burgerbudget/v1/quarters/2026-Q3/closings")
    state = {}

    def closed() -> bool:
        nonlocal state
        state = maker.get("/api/burgerbudget/v1/quarters/2026-Q3").json()
        memory.update({name: max(mb, memory.get(name, 0)) for name, mb in house.memory_mb().items()})
        assert state.get("problem") is None, state
        return state["state"] == "closed"

    wait_until(closed, "close", within_s=600, every_s=0.5)
    close_s = time.perf_counter() - began
    per_participant[participants] = close_s / participants
    floor_s = copy_floor(house, state["sufficient"])
    print(
        f"quarter close of {participants:,} participants with {rows:,} hour rows: {close_s:.1f} s (target 60),"
        f" {state['sufficient']:,} top-ups, {close_s / floor_s:.1f} x COPY of the same entries ({floor_s:.1f} s)"
    )
    print(f"largest process of ours: {max(memory.values()):.0f} MB (target 300)")
    assert state["participants"] == participants
    assert state["sufficient"] == participants * 4 // 5
    verified = house.command("verify", timeout_s=600)
    assert verified.returncode == 0, verified.stdout
    print(verified.stdout.strip())
