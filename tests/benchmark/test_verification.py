"""Verifying the ledger of a city: each holder has been paid every month for ten months."""

from __future__ import annotations

import psycopg
import pytest

from tests.benchmark.batches import Bulk, sealed
from tests.benchmark.books import open_books, open_purses
from tests.benchmark.report import Report
from tests.benchmark.verification import verify, verify_row
from tests.support.house import House, wait_until

pytestmark = pytest.mark.benchmark

VERIFICATION = "Verifying the ledger of a city"
MONTHS = 10
RUNS = 3


@pytest.mark.timeout(3000)
def test_ledger_of_a_city_is_verified(house: House, top_ups: int, report: Report) -> None:
    report.chapter(
        VERIFICATION,
        "In a ledger of its own, in the running house: 100,000 holders, each paid by ten transfer batches, and all that"
        " `stadsbeurs verify` looks at: every seal, every figure, every batch hashed again from its lines and from its"
        " entries. The floor is what"
        " cannot be left out: the two hashes of each entry, its leaf and a node of the tree, in Python on one core. (In"
        " the chapter of a million top-ups, each entry is the first of an account of its own: as many accounts, balances"
        " and terms to look at as entries.)",
    )
    purses = open_books(house.owner_url("wallet"), top_ups // MONTHS)
    open_purses(house.owner_url("wallet"), purses)
    with psycopg.connect(house.owner_url("wallet")) as db:
        report.measured_on(str(db.info.server_version // 10_000))
    for month in range(MONTHS):
        batch = Bulk(house, purses, f"month-{month}")
        batch.load()
        batch.wait_for("checked")
        batch.submit()
        batch.wait_for("posted")
    wait_until(lambda: sealed(house), "seals under the batches", within_s=600, every_s=0.25)
    runs = [verify(house) for _ in range(RUNS)]
    assert all(run.entries > top_ups for run in runs)
    report.add(VERIFICATION, verify_row(*runs))
