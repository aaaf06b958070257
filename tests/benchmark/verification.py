"""Verifying a ledger with the command, beside the hashes that no verification can leave out."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from hashlib import sha256
from statistics import median

import psutil

from tests.benchmark.report import Row, taken_by_the_host
from tests.support.house import House

_BYTES_OF_A_LEAF = 280


@dataclass(frozen=True)
class Verified:
    """What one verification of everything says of itself, and the share of the processors that the host took meanwhile."""

    entries: int
    accounts: int
    rows_per_second: int
    seconds: float
    taken: float


def verify(house: House) -> Verified:
    """Verify everything in the ledger of a running house; whatever is found fails the benchmark."""
    before = psutil.cpu_times()
    answer = house.command("verify", "--json", timeout_s=900)
    assert answer.returncode == 0, answer.stdout
    taken = taken_by_the_host(before)
    proof = json.loads(answer.stdout)
    return Verified(
        entries=proof["entries"],
        accounts=proof["accounts"],
        rows_per_second=proof["rowsPerSecond"],
        seconds=proof["seconds"],
        taken=taken,
    )


def verify_row(*runs: Verified) -> Row:
    """Give the row of these runs over one ledger; of several, what the one in the middle measured."""
    seconds = median(run.seconds for run in runs)
    middle = min(runs, key=lambda run: abs(run.seconds - seconds))
    rate, floor = middle.entries / middle.seconds, _hashed_alone(middle.entries)
    each = ", ".join(f"{run.entries / run.seconds:,.0f}" for run in runs)
    of = f"; median of {each}" if len(runs) > 1 else ""
    return Row(
        f"verify, {middle.entries:,} entries of {middle.accounts:,} accounts",
        f"{rate:,.0f} entries/s ({middle.rows_per_second:,} rows/s{of}; the host took {middle.taken:.0%})",
        f"{floor:,.0f}/s",
        f"{rate / floor:.2f}",
        "≥ 100,000 entries/s",
    )


def _hashed_alone(entries: int) -> float:
    """Give how many entries a second are hashed, a leaf and a node each, when nothing else is done."""
    leaf, node = bytes(_BYTES_OF_A_LEAF), bytes(65)
    began = time.perf_counter()
    for _ in range(entries):
        sha256(leaf).digest()
        sha256(node).digest()
    return entries / (time.perf_counter() - began)
