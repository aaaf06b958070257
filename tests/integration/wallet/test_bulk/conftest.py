"""A house for transfer batches, and short ways to fill and to refuse them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from foundation.database import Database
from foundation.refusals import Refusal
from tests.integration.wallet.bulk_house import BulkHouse


@pytest.fixture
def house(wallet_database: Database) -> BulkHouse:
    return BulkHouse(wallet_database)


def code(act: Callable[[], Any]) -> str:
    """Give the code of the refusal of an act that must be refused."""
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.errors[0].code


def gifts(house: BulkHouse, count: int, amount: int = 100) -> list[tuple[str, int, str]]:
    """Give lines for as many new holders."""
    return [(f"{owner}:vrij", amount, f"gift/{number}") for number, owner in enumerate(house.holders(count))]
