"""Whatever a file says and wherever its worker is stopped: each line is posted once or explained, and all adds up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.database import Database
from tests.integration.wallet.bulk_house import BulkHouse
from tests.integration.wallet.ledger_books import DAY, FUND
from wallet.ledger.actions import Transfer
from wallet.ledger.bulk.rules import ContentHeader, Fault, Part, content_of, read_line

CEILING = 100_000
PEOPLE = 3
PURSES = ("vrij", "burgerbudget", "spaarpot")

# Person, purse, amount, key: few of each, so that lines collide.
lines_of_a_file = st.lists(
    st.tuples(
        st.integers(0, PEOPLE - 1),
        st.sampled_from(PURSES),
        st.sampled_from([1, 30_000, 60_000, 100_000, 100_001, 0]),
        st.integers(0, 12),
    ),
    min_size=1,
    max_size=25,
)
# What somebody else does between approval and posting: a grant key used, or money put into a budget.
meddling = st.lists(
    st.one_of(st.integers(0, 12), st.tuples(st.integers(0, PEOPLE - 1), st.sampled_from([1, 40_000, 90_000]))),
    max_size=4,
)


class OnPaper:
    """The same in plain Python: which lines are good, and which of those are posted in the end."""

    def __init__(self) -> None:
        self.budget = dict.fromkeys(range(PEOPLE), 0)
        self.used: set[int] = set()

    def check(self, lines: Sequence[tuple[int, str, int, int]]) -> list[int]:
        """Give the places of the lines that have no exception."""
        seen: set[int] = set()
        good = []
        for place, (_, purse, amount, key) in enumerate(lines):
            if amount == 0:
                continue
            if key not in seen and purse != "spaarpot":
                good.append(place)
            seen.add(key)
        return self._fitting(lines, good)

    def post(self, lines: Sequence[tuple[int, str, int, int]], good: Sequence[int]) -> list[int]:
        return self._fitting(lines, [place for place in good if lines[place][3] not in self.used])

    def _fitting(self, lines: Sequence[tuple[int, str, int, int]], places: Sequence[int]) -> list[int]:
        taken = dict(self.budget)
        fitting = []
        for place in places:
            person, purse, amount, _ = lines[place]
            if purse == "burgerbudget":
                if taken[person] + amount > CEILING:
                    continue
                taken[person] += amount
            fitting.append(place)
        return fitting


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    lines=lines_of_a_file,
    meddled=meddling,
    chunk_lines=st.integers(1, 9),
    stops=st.lists(st.integers(1, 4), max_size=6),
)
def test_each_line_is_posted_once_or_explained(
    wallet_database: Database,
    lines: list[tuple[int, str, int, int]],
    meddled: list[Any],
    chunk_lines: int,
    stops: list[int],
) -> None:
    house = _house(wallet_database)
    paper, run = OnPaper(), uuid4()
    owners = house.holders(PEOPLE)
    before = house.balance(FUND)
    written = [
        (f"{owners[person]}:{purse}", amount, f"{run}/{key}", f"case/{place}")
        for place, (person, purse, amount, key) in enumerate(lines)
    ]
    good = paper.check(lines)
    batch_id = house.send(written, chunk_lines=chunk_lines)
    for steps in stops:
        house.work_steps(steps)
    house.work()
    batch = house.batch(batch_id)
    assert (batch.state, batch.lines, batch.excluded) == ("checked", len(lines), len(lines) - len(good))
    assert batch.total == sum(lines[place][2] for place in good)
    if not good:
        return
    house.submit(batch_id, partial=True)
    house.approve(batch_id)
    spent = _meddle(house, paper, owners, run, meddled)
    for steps in stops:
        house.work_steps(steps)
    house.work()

    posted = paper.post(lines, good)
    batch = house.batch(batch_id)
    assert [entry[4] for entry in house.entries(batch_id)] == [f"case/{place}" for place in posted]
    assert (batch.posted_lines, batch.failed_lines) == (len(posted), len(good) - len(posted))
    assert house.figures(FUND) == (before - spent - sum(lines[place][2] for place in posted), 0)
    assert batch.content_hash == _hash_of(house, batch_id, [written[place] for place in good])
    failed = house.rows(
        "SELECT line FROM ledger.bulk_exception WHERE batch_id = :id AND stage = 'posting' ORDER BY line", id=batch_id
    )
    assert [row.line - 2 for row in failed] == [place for place in good if place not in posted]


_houses: dict[int, BulkHouse] = {}


def _house(database: Database) -> BulkHouse:
    """Give the books of this database, opened once for all examples."""
    if id(database) not in _houses:
        _houses.clear()
        _houses[id(database)] = BulkHouse(database)
    return _houses[id(database)]


def _meddle(house: BulkHouse, paper: OnPaper, owners: Sequence[str], run: UUID, meddled: Sequence[Any]) -> int:
    spent = 0
    for one in meddled:
        if isinstance(one, int):
            if one not in paper.used:
                paper.used.add(one)
                house.post(Transfer(FUND, f"{owners[0]}:vrij", 1, grant_key=f"{run}/{one}"))
                spent += 1
        elif paper.budget[one[0]] + one[1] <= CEILING:
            paper.budget[one[0]] += one[1]
            house.post(Transfer(FUND, f"{owners[one[0]]}:burgerbudget", one[1]))
            spent += one[1]
    return spent


def _hash_of(house: BulkHouse, batch_id: UUID, good: Sequence[tuple[str, int, str, str]]) -> bytes:
    """Hash a content by hand, from what the documentation of the format says."""
    text = f"stadsbeurs-bulk\x1f1\x1f{batch_id}\x1fgift\x1f{FUND}\x1fEUR\x1f2026-10-01\x1fKerstgift\n"
    for destination, amount, key, reference in good:
        text += f"{destination}\x1f{amount}\x1f{key}\x1f{reference}\x1f\n"
    text += f"end\x1f{len(good)}\x1f{sum(line[1] for line in good)}\n"
    return hashlib.sha256(text.encode()).digest()


cell = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), max_size=210)


@given(st.lists(cell, max_size=7), st.integers(1, 10**6))
def test_any_cells_are_a_line_or_a_fault_with_the_number_of_their_line(cells: list[str], number: int) -> None:
    found = read_line(number, cells)
    assert found.line == number
    if isinstance(found, Fault):
        assert found.code in ("malformed", "noNumber", "amountOutOfRange", "grantKeyMissing")
        assert "\n" not in found.message
    else:
        assert 0 < found.amount <= 10**15
        assert found.grant_key


rows = st.lists(st.tuples(cell, st.integers(1, 10**15), cell), max_size=5)


@given(rows, rows, st.text(max_size=5))
def test_two_contents_have_one_hash_only_when_they_are_the_same(
    one: list[tuple[str, int, str]], other: list[tuple[str, int, str]], reason: str
) -> None:
    batch_id = uuid4()

    def hashed(lines: list[tuple[str, int, str]], said: str) -> bytes:
        header = ContentHeader(batch_id, "gift", FUND, "EUR", DAY, said)
        parts = [Part(1, line[1], f"{line[0]}\x1f{line[1]}\x1f{line[2]}\x1f\x1f\n".encode()) for line in lines]
        content = content_of(header, parts)
        assert (content.lines, content.total) == (len(lines), sum(line[1] for line in lines))
        return content.hash

    assert (hashed(one, "a") == hashed(other, "a")) == (one == other)
    assert hashed(one, reason + "b") != hashed(one, reason + "c")
