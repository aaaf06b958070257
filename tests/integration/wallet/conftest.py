"""The house of the tests of holders and payouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from foundation.database import Database
from tests.integration.wallet.payouts_house import House, open_house
from tests.support.callers import Callers


@pytest.fixture
def house(
    wallet_database: Database,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """The house on 1 September 2026: on 1 October any IBAN confirmed now is past its cooling-off."""
    return open_house(wallet_database, callers, today, tmp_path, monkeypatch)


@pytest.fixture
def three(house: House) -> list[str]:
    """Three holders with 599.64, 0.05 and 1,000.00: together 1,599.69, on 1 October 2026."""
    holders = [house.holder(number, vrij) for number, vrij in ((1, 59_964), (2, 5), (3, 100_000))]
    house.today("2026-10-01")
    return holders
