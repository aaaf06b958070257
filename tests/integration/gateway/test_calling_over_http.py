"""How somebody can telephone, on `/mijn`: minutes and money, whom they can call, and where a telephone stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.integration.gateway.conftest import MakeGateway, Serve
from tests.integration.gateway.running import House
from tests.integration.gateway.wallet_stand_in import StandInWallet

NB = "\N{NO-BREAK SPACE}"
MARIA = "0190aaaa-0000-7000-8000-000000000001"
PARTICIPANT = {
    "number": "500001",
    "holderId": MARIA,
    "product": "belapp",
    "state": "active",
    "from": "2026-09-14",
    "creditLeft": 721,
    "minutesLeft": 31,
    "nextCreditOn": "2026-11-01",
}
Section = Callable[..., str]


@pytest.fixture
def section(house: House, serve: Serve, make_gateway: MakeGateway) -> Section:
    """Open `/mijn` as Maria, with this in belkosten; gives its section about calling."""

    def open_page(**belkosten: Any) -> str:
        behind = StandInWallet(house.gateway_key)
        behind.add(MARIA, "belkosten", 721)
        behind.belkosten = belkosten
        served = make_gateway(**House.everywhere(serve(behind.app).url))
        with httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30) as client:
            client.post("/aanmelden", data={"rol": "pass-holder", "houder": MARIA})
            page = client.get("/mijn")
            assert page.status_code == 200
            earlier = client.get("/mijn?cursor=0")
            assert 'id="bellen"' not in earlier.text
        return page.text.partition('<h2 id="bellen">Bellen</h2>')[2].partition("</section>")[0]

    return open_page


def test_a_caller_sees_minutes_and_money_and_whom_they_can_call(section: Section) -> None:
    number = {"organisation": "Kredietbank Nederland", "number": "+31881234567", "category": "kredietbank"}
    shown = section(participants=[PARTICIPANT], numbers=[number])
    assert "31 minuten" in shown
    assert f"voor €{NB}7,21" in shown
    assert f'Op <time datetime="2026-11-01">1{NB}november{NB}2026</time> wordt uw tegoed weer aangevuld.' in shown
    assert 'Kredietbank Nederland: <a href="tel:+31881234567">+31881234567</a>' in shown
    assert "bewaren niet welke nummers u kiest" in shown


def test_a_credit_without_a_limit_shows_no_minutes(section: Section) -> None:
    unlimited = PARTICIPANT | {"creditLeft": None, "minutesLeft": None, "nextCreditOn": None}
    shown = section(participants=[unlimited])
    assert "Belapp" in shown
    assert "minuten" not in shown.partition('<p class="hint">')[0]
    assert "aangevuld" not in shown


def test_where_a_telephone_stands_is_shown_with_its_opening_hours(section: Section) -> None:
    hours = [{"weekday": 1, "opens": "09:00", "closes": "12:30"}, {"weekday": 4, "opens": "13:00", "closes": "17:00"}]
    place = {"name": "Wijkcentrum Crabbehof", "address": "Nijhoffstraat 3", "openingHours": hours}
    in_town = PARTICIPANT | {"product": "toestel", "creditLeft": None, "minutesLeft": None, "nextCreditOn": None}
    shown = section(participants=[in_town], **{"phone-places": [place]})
    assert "Wijkcentrum Crabbehof" in shown
    assert "Nijhoffstraat 3" in shown
    assert "Open op maandag van 09:00 tot 12:30 uur; donderdag van 13:00 tot 17:00 uur." in shown


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "requested"}, "Wij kijken of u mee kunt doen."),
        ({"state": "upcoming", "from": "2026-12-01"}, "Dit begint op"),
        ({"product": "sim-only", "creditLeft": None, "minutesLeft": None}, "De gemeente betaalt uw abonnement."),
        ({"product": "prepaid", "minutesLeft": 1}, "1 minuut"),
    ],
)
def test_each_product_and_state_has_its_own_words(section: Section, change: dict[str, Any], said: str) -> None:
    assert said in section(participants=[PARTICIPANT | change])


@pytest.mark.parametrize("state", ["ended", "rejected"])
def test_what_is_over_is_not_shown(section: Section, state: str) -> None:
    assert section(participants=[PARTICIPANT | {"state": state}]) == ""


def test_who_takes_no_part_sees_nothing_of_it(section: Section) -> None:
    assert section() == ""


def test_belkosten_that_is_down_keeps_nobody_from_their_money(
    house: House, serve: Serve, make_gateway: MakeGateway
) -> None:
    behind = StandInWallet(house.gateway_key)
    behind.add(MARIA, "belkosten", 721)
    served = make_gateway(wallet_url=serve(behind.app).url)
    with httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30) as client:
        client.post("/aanmelden", data={"rol": "pass-holder", "houder": MARIA})
        page = client.get("/mijn").text
    assert f"€{NB}7,21" in page
    assert "Wij kunnen nu niet ophalen hoe u kunt bellen." in page
