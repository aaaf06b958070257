"""What the tests of the wallet share: people who ask the ledger, and the house of holders and payouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI

from foundation.access import Role
from foundation.database import Database
from tests.integration.wallet.payees_house import PayeesHouse
from tests.integration.wallet.payouts_house import House, open_house
from tests.support.callers import Callers, Client


@pytest.fixture
def burgerbudget(api: FastAPI, callers: Callers) -> Client:
    return callers.service_client(api, "wallet", "burgerbudget")


@pytest.fixture
def maker(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.FINANCE_MAKER, "mia")


@pytest.fixture
def checker(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.FINANCE_CHECKER, "chris")


@pytest.fixture
def auditor(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.AUDITOR)


@pytest.fixture
def till(api: FastAPI, callers: Callers) -> Client:
    return callers.client(api, "wallet", Role.SERVICE, "till")


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
def payees(house: House) -> PayeesHouse:
    """The same house, with a scheme that registers payees for a helper and an officer."""
    return PayeesHouse(house)


@pytest.fixture
def three(house: House) -> list[str]:
    """Three holders with 599.64, 0.05 and 1,000.00: together 1,599.69, on 1 October 2026."""
    holders = [house.holder(number, vrij) for number, vrij in ((1, 59_964), (2, 5), (3, 100_000))]
    house.today("2026-10-01")
    return holders
