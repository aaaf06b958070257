"""What the benchmarks share: a house of their own, and figures printed as ratios beside a floor of the same run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.house import House, a_house


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A running house without sample data, on the first day after 2026-Q3."""
    with a_house("--empty", "--today", "2026-10-01") as running:
        yield running
