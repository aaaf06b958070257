"""The town that lends, for every test of sociaal krediet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.database import Database
from sociaal_krediet.collecting import Collector
from tests.integration.sociaal_krediet.collecting_house import Till
from tests.integration.sociaal_krediet.lending_town import Town, open_town
from tests.integration.wallet.payouts_house import open_house
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase
from tests.support.stripe import SECRETS


@pytest.fixture
def town(
    wallet_database: Database,
    sociaal_krediet_db: ServiceDatabase,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """A town on 1 September 2026, with 10,000.00 to lend."""
    with open_town(sociaal_krediet_db.database, wallet_database, callers, today, tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def till(
    wallet_database: Database,
    sociaal_krediet_db: ServiceDatabase,
    callers: Callers,
    today: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Till]:
    """The same town, collecting through a stand-in of Stripe."""
    house = open_house(wallet_database, callers, today, tmp_path, monkeypatch)

    def town_with(collector: Collector) -> Town:
        return Town(sociaal_krediet_db.database, house, callers, today, collector, secrets=list(SECRETS))

    made = Till(town_with, tmp_path / "stripe.sqlite")
    yield made
    made.close()
