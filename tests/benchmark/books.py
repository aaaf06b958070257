"""Books of the size that is measured: a fund with enough in it, a million holders, and postings in chunks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

MILLION = 1_000_000
CHUNK = 10_000
FUND = "fund:burgerbudget"

_POST = """
SELECT ledger.post('top-up', '2026-10-01', 'benchmark', NULL, NULL, NULL, NULL, NULL, %b::text[], %b::text[], %b::bigint[],
                   '{EUR}', %b::text[], %b::text[], %b::text[], NULL)
"""


def open_books(url: str, holders: int) -> list[str]:
    """Open a fund with enough in it and register holders; gives the addresses of their purses `vrij`."""
    with psycopg.connect(url) as db:
        db.execute("SELECT ledger.open_fund('burgerbudget', 'Burgerbudget', 'EUR', 'benchmark')")
        post(db, "bank:current", [FUND], [10**15], "deposit")
        db.execute(
            "SELECT ledger.register_owners(ARRAY(SELECT 'holder:' || gen_random_uuid() FROM generate_series(1, %s)))",
            (holders,),
        )
        return [f"{owner}:vrij" for (owner,) in db.execute("SELECT owner FROM ledger.owner ORDER BY owner")]


def open_purses(url: str, purses: Sequence[str]) -> None:
    """Open these purses with nothing on them, as their first credit would, and let the planner see the books."""
    with psycopg.connect(url) as db:
        # As in the posting function: what was loaded a moment ago is unknown to the planner.
        db.execute("SET enable_nestloop = off; SET enable_mergejoin = off")
        for begin in range(0, len(purses), CHUNK):
            db.execute("SELECT ledger.open_purses(%s)", (list(purses[begin : begin + CHUNK]),))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE ledger.owner, ledger.account, ledger.balance")


def post(
    db: psycopg.Connection[Any], source: str, destinations: Sequence[str], amounts: Sequence[int], tag: str
) -> None:
    """Post one chunk as a service does: with grant keys, references and explanations."""
    arguments = (
        [source],
        list(destinations),
        list(amounts),
        [f"{tag}/{destination}" for destination in destinations],
        [f"decision/{number}" for number in range(len(destinations))],
        ["burgerbudget.topUp"] * len(destinations),
    )
    db.execute(_POST, arguments, prepare=True)
    db.commit()


def post_all(db: psycopg.Connection[Any], purses: Sequence[str], tag: str) -> list[float]:
    """Post one top-up for each purse in chunks; gives the seconds of each chunk."""
    seconds = []
    for begin in range(0, len(purses), CHUNK):
        chunk = purses[begin : begin + CHUNK]
        began = time.perf_counter()
        post(db, FUND, chunk, [100] * len(chunk), tag)
        seconds.append(time.perf_counter() - began)
    return seconds
