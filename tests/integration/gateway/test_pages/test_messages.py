"""All that a pass holder was told, of every scheme: a page at a time, and noted as read when they say so."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from foundation.identifiers import new_id
from foundation.pages import encode_cursor
from gateway.app import create_gateway
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.telling_stand_in import StandInSchemes
from tests.integration.gateway.test_pages.walking import EMPTY, MARIA, NB, sign_in, words
from tests.integration.gateway.wallet_stand_in import StandInWallet

SCHEMES = ("burgerbudget", "sociaal-krediet", "belkosten")
PER_PAGE = 20
PAGE = "/mijn/berichten"


@pytest.fixture(scope="module")
def schemes_behind(house: House) -> Iterator[tuple[StandInSchemes, str]]:
    made = StandInSchemes(house.gateway_key)
    running = Running(made.app)
    yield made, running.url
    running.stop()


@pytest.fixture
def schemes(schemes_behind: tuple[StandInSchemes, str]) -> StandInSchemes:
    """Nobody was told anything yet."""
    made, _ = schemes_behind
    made.forget()
    return made


@pytest.fixture(scope="module")
def served(
    house: House, wallet_behind: tuple[StandInWallet, str], schemes_behind: tuple[StandInSchemes, str]
) -> Iterator[Running]:
    everywhere = House.everywhere(schemes_behind[1])
    running = Running(create_gateway(house.settings(**(everywhere | {"wallet_url": wallet_behind[1]}))))
    yield running
    running.stop()


def told(schemes: StandInSchemes, number: int) -> dict[str, str]:
    """Have the schemes take turns in telling Maria things; gives the scheme of each message, the newest first."""
    made: dict[str, str] = {}
    for nth in range(number):
        scheme = SCHEMES[nth % 3]
        made[schemes.tell(scheme, MARIA, f"Bericht {nth}", "2026-11-12" if nth % 2 else None)] = scheme
    return dict(reversed(made.items()))


def shown(page: httpx.Response) -> list[str]:
    """The ids of the messages on a page, in its order."""
    assert page.status_code == 200, page.text
    return re.findall(r'id="bericht-([0-9a-f-]+)"', page.text)


def earlier(page: httpx.Response) -> str | None:
    found = re.search(r'href="(/mijn/berichten\?cursor=[^"]+)">Toon eerdere', page.text)
    return None if found is None else found[1]


@pytest.fixture
def maria(browser: httpx.Client) -> httpx.Client:
    sign_in(browser, houder=MARIA)
    return browser


def test_the_first_page_of_money_leads_to_all_messages(maria: httpx.Client, schemes: StandInSchemes) -> None:
    all_of_them = list(told(schemes, 5))
    page = maria.get("/mijn")
    assert shown(page) == all_of_them[:3]
    assert f'<a class="button light" href="{PAGE}">Alle berichten</a>' in page.text
    assert shown(maria.get(PAGE)) == all_of_them


@pytest.mark.parametrize("number", [1, 19, 20, 21, 40, 41, 65])
def test_every_message_is_on_one_page_and_in_the_order_in_which_they_were_made(
    maria: httpx.Client, schemes: StandInSchemes, number: int
) -> None:
    all_of_them = list(told(schemes, number))
    found: list[str] = []
    address: str | None = PAGE
    pages = 0
    while address is not None:
        page = maria.get(address)
        assert ("Toon de nieuwste" in page.text) == (pages > 0)
        found += shown(page)
        address = earlier(page)
        pages += 1
    assert found == all_of_them
    assert pages == -(-number // PER_PAGE)


def test_one_scheme_may_have_told_it_all(maria: httpx.Client, schemes: StandInSchemes) -> None:
    all_of_them = [message for message, scheme in told(schemes, 75).items() if scheme == "belkosten"]
    for silent in ("burgerbudget", "sociaal-krediet"):
        del schemes.told[silent, MARIA]
    first = maria.get(PAGE)
    assert shown(first) == all_of_them[:PER_PAGE]
    assert shown(maria.get(earlier(first) or "")) == all_of_them[PER_PAGE:]


def test_a_message_is_text_with_its_objection_date(maria: httpx.Client, schemes: StandInSchemes) -> None:
    told(schemes, 2)
    page = maria.get(PAGE)
    assert "<h2>Bericht 1 <span" in page.text
    assert "&lt;b&gt;groet&lt;/b&gt;" in page.text and "<b>" not in page.text
    assert words(page).count(f"bezwaar maken tot en met 12{NB}november{NB}2026") == 1


def buttons(page: httpx.Response) -> Iterator[dict[str, str]]:
    """The forms behind the buttons with which somebody says that they read a message."""
    for form in re.findall(r'<form method="post" action="/mijn/berichten/gelezen">(.*?)</form>', page.text, re.DOTALL):
        assert "Ik heb dit gelezen" in form
        yield dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', form))


def press(browser: httpx.Client, fields: dict[str, str]) -> httpx.Response:
    return browser.post(f"{PAGE}/gelezen", data=fields)


def test_who_says_so_has_read_a_message_and_returns_to_it(maria: httpx.Client, schemes: StandInSchemes) -> None:
    of = told(schemes, 21)
    first = maria.get(PAGE)
    second_address = earlier(first) or ""
    cases = ((maria.get("/mijn"), "/mijn"), (first, PAGE), (maria.get(second_address), second_address))
    for page, address in cases:
        fields = list(buttons(page))[-1]
        message = fields["bericht"]
        for _ in range(2):
            # Pressed twice in a hurry it is read once.
            answer = press(maria, fields)
            assert (answer.status_code, answer.headers["location"]) == (303, f"{address}#bericht-{message}")
        assert schemes.read[-2:] == [(of[message], message, message)] * 2
        now = maria.get(address)
        assert message in shown(now)
        assert message not in [one["bericht"] for one in buttons(now)]
    assert words(maria.get(PAGE)).count(" nieuw ") == 18


def test_nothing_else_can_be_sent_with_that_button(maria: httpx.Client, schemes: StandInSchemes) -> None:
    (message, scheme), *_ = told(schemes, 1).items()
    good = {"regeling": scheme, "bericht": message, "terug": "mijn"}
    for wrong in ({"regeling": "wallet"}, {"regeling": ""}, {"bericht": "../../holders"}, {"bericht": ""}):
        assert press(maria, good | wrong).status_code == 400
    assert press(maria, good | {"bericht": str(new_id())}).status_code == 404
    # Wherever the way back leads, it stays on this page.
    away = press(maria, good | {"terug": "https://elsewhere.example/#"}).headers["location"]
    assert away == f"{PAGE}?cursor=https%3A%2F%2Felsewhere.example%2F%23#bericht-{message}"
    assert schemes.read == [(scheme, message, message)]


def test_another_site_or_another_person_cannot_press_it(
    maria: httpx.Client, schemes: StandInSchemes, house_with_pages: Running
) -> None:
    (message, scheme), *_ = told(schemes, 1).items()
    fields = {"regeling": scheme, "bericht": message, "terug": ""}
    foreign = maria.post(f"{PAGE}/gelezen", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    with httpx.Client(base_url=house_with_pages.url, headers={"Sec-Fetch-Site": "same-origin"}) as other:
        assert press(other, fields).status_code == 401
        sign_in(other, houder=EMPTY)
        assert press(other, fields).status_code == 404
        assert shown(other.get(PAGE)) == []
    assert schemes.read == []


def test_who_was_told_nothing_reads_what_will_come_here(maria: httpx.Client, schemes: StandInSchemes) -> None:
    page = maria.get(PAGE)
    assert "U heeft nog geen berichten." in page.text
    assert "Bladeren" in page.text and "Toon eerdere" not in page.text
    before = maria.get(PAGE, params={"cursor": encode_cursor({"id": str(new_id())})})
    assert "Er zijn geen berichten van vóór die tijd." in before.text
    assert "Alle berichten" not in maria.get("/mijn").text


def test_a_scheme_that_is_away_hides_no_message_of_another(maria: httpx.Client, schemes: StandInSchemes) -> None:
    of = told(schemes, 6)
    schemes.away = {"sociaal-krediet": 503}
    page = maria.get(PAGE)
    assert shown(page) == [message for message, scheme in of.items() if scheme != "sociaal-krediet"]
    assert "Wij kunnen uw berichten nu niet allemaal ophalen." in page.text
    schemes.away = dict.fromkeys(SCHEMES, 500)
    page = maria.get(PAGE)
    assert shown(page) == []
    assert "Wij kunnen uw berichten nu niet ophalen." in page.text
    assert "nog geen berichten" not in page.text
    message, scheme = next(iter(of.items()))
    assert press(maria, {"regeling": scheme, "bericht": message, "terug": ""}).status_code == 502


def test_a_cursor_that_nobody_gave_is_a_page_that_says_so(maria: httpx.Client, schemes: StandInSchemes) -> None:
    told(schemes, 1)
    for cursor in ("x", encode_cursor({"id": "x"}), encode_cursor({"number": 1}), "x" * 600):
        assert maria.get(PAGE, params={"cursor": cursor}).status_code == 400


def test_it_is_a_page_for_pass_holders(browser: httpx.Client) -> None:
    assert browser.get(PAGE).status_code == 401
    sign_in(browser, "auditor", naam="Anna")
    assert browser.get(PAGE).status_code == 403
    sign_in(browser)
    assert browser.get(PAGE).status_code == 403
