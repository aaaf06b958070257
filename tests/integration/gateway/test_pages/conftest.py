"""The gateway with its pages, a wallet that stands in behind it, an issuer beside it, and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from gateway.app import create_gateway
from tests.integration.gateway.issuer import CLIENT, Issuer
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.test_pages.walking import EMPTY, MARIA
from tests.integration.gateway.wallet_stand_in import StandInWallet


@pytest.fixture(scope="module")
def wallet_behind(house: House) -> Iterator[tuple[StandInWallet, str]]:
    made = StandInWallet(house.gateway_key)
    running = Running(made.app)
    yield made, running.url
    running.stop()


@pytest.fixture
def wallet(wallet_behind: tuple[StandInWallet, str]) -> StandInWallet:
    """Maria has three purses and 26 transactions, somebody else has nothing."""
    made, _ = wallet_behind
    made.forget()
    made.add(MARIA, "burgerbudget", 48840)
    made.add(MARIA, "vrij", 151160, held=1000)
    made.add(MARIA, "belkosten", 500)
    made.purses[EMPTY] = []
    made.move(MARIA, "burgerbudget", 100000, 100000, "Burgerbudget: startbedrag", "2026-04-01")
    for number in range(1, 25):
        made.move(MARIA, "vrij", 1279, 1279 * number, f"Vrijwilligerswerk {number}", "2026-05-02")
    made.move(MARIA, "vrij", -123456, 0, "Uitbetaling <b>naar</b> uw bankrekening", "2026-10-01")
    return made


@pytest.fixture(scope="module")
def served(house: House, wallet_behind: tuple[StandInWallet, str]) -> Iterator[Running]:
    running = Running(create_gateway(house.settings(wallet_url=wallet_behind[1])))
    yield running
    running.stop()


@pytest.fixture
def house_with_pages(served: Running, wallet: StandInWallet) -> Running:
    return served


@pytest.fixture
def browser(house_with_pages: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=house_with_pages.url, headers={"Sec-Fetch-Site": "same-origin"}) as client:
        yield client


@pytest.fixture(scope="module")
def issuer_behind() -> Iterator[Issuer]:
    made = Issuer()
    yield made
    made.stop()


@pytest.fixture
def issuer(issuer_behind: Issuer) -> Issuer:
    issuer_behind.forget()
    return issuer_behind


@pytest.fixture(scope="module")
def served_with_issuer(
    house: House, wallet_behind: tuple[StandInWallet, str], issuer_behind: Issuer
) -> Iterator[Running]:
    settings = house.settings(
        wallet_url=wallet_behind[1],
        oidc_issuer=issuer_behind.url,
        oidc_client_id=CLIENT,
        public_url="http://127.0.0.1:9",
        stand_in_identity_key_file=None,
    )
    running = Running(create_gateway(settings))
    yield running
    running.stop()


@pytest.fixture
def away(served_with_issuer: Running, issuer: Issuer, wallet: StandInWallet) -> Iterator[httpx.Client]:
    """A browser before a gateway whose people sign in at an issuer."""
    headers = {"Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=served_with_issuer.url, headers=headers) as client:
        yield client
