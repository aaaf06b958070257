"""What the benchmarks share: a house of their own, and figures printed as ratios beside a floor of the same run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmark.books import MILLION
from tests.benchmark.report import Report
from tests.support.house import House, a_house


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--benchmark-report", type=Path, help="write the table of this run to a file")
    parser.addoption("--benchmark-top-ups", type=int, default=MILLION, help="how many go the whole way, end to end")


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A running house without sample data, on the first day after 2026-Q3."""
    with a_house("--empty", "--today", "2026-10-01") as running:
        yield running


@pytest.fixture
def top_ups(request: pytest.FixtureRequest) -> int:
    """How many top-ups go the whole way: a million, or fewer for a quick look."""
    asked: int = request.config.getoption("--benchmark-top-ups")
    return asked


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """The table of this run; printed whole at its end."""
    made = Report()
    yield made
    if not made.is_empty:
        print(f"\n\n{made.markdown()}")
        path = request.config.getoption("--benchmark-report")
        if path is not None:
            made.write(path)
