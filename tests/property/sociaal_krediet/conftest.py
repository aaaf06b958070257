"""The town that lends, for what must hold whatever happens to a loan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.database import Database
from tests.integration.sociaal_krediet.lending_town import Town, open_town
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase


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
