"""A million top-ups the whole way: from the first byte of the file to the proof of everything in the ledger."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.benchmark.batches import Bulk, sealed
from tests.benchmark.books import open_books, open_purses
from tests.benchmark.report import Report, Row
from tests.benchmark.verification import verify, verify_row
from tests.support.house import House, wait_until

pytestmark = pytest.mark.benchmark

END_TO_END = "A million top-ups, end to end"


@pytest.mark.timeout(3000)
def test_top_ups_end_to_end(house: House, top_ups: int, report: Report) -> None:
    report.chapter(
        END_TO_END,
        "In a ledger of its own, all processes of the house running: a CSV over HTTP to the wallet (load), read, checked and"
        " frozen with its hash (check), its total held on the fund and posted in chunks of 5,000, the sealer at work beside"
        " it (post), the last seals (seal), and `stadsbeurs verify` over everything in the ledger: every seal, every figure,"
        " the batch hashed again from its lines and from its entries (verify). The purses stand open before it begins, with"
        " nothing on them: those million entries and the million accounts under them are what is verified. Its"
        " floor is what cannot be left out: the two hashes of each entry, its leaf and a node of the tree, in Python on one"
        " core.",
    )
    purses = open_books(house.owner_url("wallet"), top_ups)
    open_purses(house.owner_url("wallet"), purses)
    with psycopg.connect(house.owner_url("wallet")) as db:
        report.measured_on(str(db.info.server_version // 10_000))
    wait_until(lambda: sealed(house), "the seal under the deposit", every_s=0.25)
    memory: dict[str, float] = {}

    def watch() -> None:
        memory.update({name: max(mb, memory.get(name, 0)) for name, mb in house.memory_mb().items()})

    bulk = Bulk(house, purses, "top-up")
    began = time.perf_counter()
    bulk.load()
    loaded_s = time.perf_counter() - began
    checked_s = bulk.wait_for("checked", watch)
    bulk.submit()
    posted_s = bulk.wait_for("posted", watch)
    at = time.perf_counter()
    wait_until(lambda: sealed(house), "seals under the batch", within_s=600, every_s=0.25)
    sealed_s = time.perf_counter() - at
    at = time.perf_counter()
    verified = verify(house)
    verify_s = time.perf_counter() - at
    total_s = time.perf_counter() - began
    # The top-ups, and the two entries of the deposit that they are paid from; each chunk has one line on the fund.
    assert verified.entries == top_ups + -(-(top_ups + 1) // 5_000) + 2
    steps = (
        f"load {loaded_s:.0f}, check {checked_s:.0f}, post {posted_s:.0f}, seal {sealed_s:.0f}, verify {verify_s:.0f}"
    )
    report.add(
        END_TO_END,
        Row(f"{top_ups:,} top-ups end to end", f"{total_s:.1f} s ({steps})", "–", "–", "a million in ≤ 60 s"),
    )
    report.add(
        END_TO_END,
        Row("largest process of ours meanwhile", f"{max(memory.values()):.0f} MB", "–", "–", "< 300 MB"),
    )
    report.add(END_TO_END, verify_row(verified))
