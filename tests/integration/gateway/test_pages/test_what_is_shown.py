"""The pages as a browser gets them: who sees what, and in which words."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi import Response

from foundation.application import problem_response
from tests.integration.gateway.test_pages.walking import EMPTY, MARIA, NB, sign_in, words
from tests.integration.gateway.wallet_stand_in import StandInWallet


def test_the_start_page_says_what_this_is_and_where_to_sign_in(browser: httpx.Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert 'lang="nl"' in page.text
    assert "Dordrecht" in page.text
    assert 'href="/aanmelden"' in page.text
    assert "Afmelden" not in page.text


def test_a_pass_holder_signs_in_and_sees_what_can_be_spent(browser: httpx.Client) -> None:
    response = sign_in(browser, naam="Maria", houder=MARIA)
    assert (response.status_code, response.headers["location"]) == (303, "/mijn")
    page = browser.get("/mijn")
    assert page.status_code == 200
    text = words(page)
    # Only vrij is free to spend: 1,511.60 less the 10.00 that is reserved.
    assert f"Te besteden €{NB}1.501,60" in text
    assert f"Vrij te besteden €{NB}1.501,60 Gereserveerd: €{NB}10,00." in text
    assert f"Burgerbudget €{NB}488,40" in text
    assert f"Beltegoed €{NB}5,00" in text
    assert text.index("Vrij te besteden") < text.index("Burgerbudget €") < text.index("Beltegoed")


def test_the_timeline_is_newest_first_with_a_spoken_minus(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    text = words(browser.get("/mijn"))
    assert f"1{NB}oktober{NB}2026 min €{NB}1.234,56 Uitbetaling &lt;b&gt;naar&lt;/b&gt; uw bankrekening" in text
    assert f"Vrij te besteden, daarna €{NB}0,00" in text
    assert f"2{NB}mei{NB}2026 plus €{NB}12,79 Vrijwilligerswerk 24 Vrij te besteden, daarna €{NB}306,96" in text
    assert text.index("Uitbetaling") < text.index("Vrijwilligerswerk 24") < text.index("Vrijwilligerswerk 23")


def test_what_a_service_says_is_text_and_never_markup(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    assert "<b>naar</b>" not in browser.get("/mijn").text


def test_earlier_transactions_are_one_link_further_and_there_is_a_way_back(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    first = browser.get("/mijn")
    assert first.text.count('class="what"') == 20
    link = re.search(r'href="(/mijn\?cursor=[^"#]+)#bij-en-af">Toon eerdere', first.text)
    assert link is not None
    second = browser.get(link[1])
    assert second.text.count('class="what"') == 6
    assert "Burgerbudget: startbedrag" in second.text
    assert "Toon eerdere" not in second.text
    assert "Terug naar nu" in second.text
    assert "Te besteden" not in words(second).replace("Vrij te besteden", "")


def test_a_pass_holder_without_anything_is_told_what_will_come(browser: httpx.Client) -> None:
    sign_in(browser, houder=EMPTY)
    text = words(browser.get("/mijn"))
    assert f"Te besteden €{NB}0,00" in text
    assert "U heeft nog geen tegoed." in text
    assert "Er is nog niets bij gekomen of af gegaan." in text


def test_a_purse_that_we_have_no_words_for_is_shown_by_its_name(browser: httpx.Client, wallet: StandInWallet) -> None:
    wallet.add(EMPTY, "zwem-lessen", 38, asset="LES")
    sign_in(browser, houder=EMPTY)
    assert f"Zwem lessen 38{NB}LES" in words(browser.get("/mijn"))


def test_a_credit_that_is_no_money_is_shown_in_its_own_unit(browser: httpx.Client, wallet: StandInWallet) -> None:
    wallet.add(EMPTY, "zwemlessen", 40, asset="LESSON")
    wallet.add(EMPTY, "fiets", 1, asset="PIECE")
    wallet.add(EMPTY, "punten", 120, asset="POINT")
    sign_in(browser, houder=EMPTY)
    text = words(browser.get("/mijn"))
    assert f"Te besteden €{NB}0,00" in text
    for told in (f"Zwemlessen 40{NB}lessen", f"Fiets 1{NB}stuk", f"Punten 120{NB}punten"):
        assert told in text


def test_somebody_elses_holder_id_in_the_address_changes_nothing(browser: httpx.Client) -> None:
    sign_in(browser, houder=EMPTY)
    assert "Uitbetaling" not in browser.get(f"/mijn?holder={MARIA}&houder={MARIA}").text


def test_the_page_works_without_script_and_style_of_its_own(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    for path in ("/", "/mijn", "/aanmelden", "/nergens"):
        page = browser.get(path)
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; style-src 'self'" in policy
        assert "script-src" not in policy
        for forbidden in ("<script", "<style", " style=", "javascript:", "onclick", "onload", "http://", "https://"):
            assert forbidden not in page.text.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_a_first_visit_is_less_than_100_kb(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    page = browser.get("/mijn")
    total = len(page.content)
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        part = browser.get(address)
        assert part.status_code == 200
        assert "immutable" in part.headers["cache-control"]
        total += len(part.content)
    assert total < 100_000


def test_personal_pages_are_never_kept(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    assert browser.get("/mijn").headers["cache-control"] == "no-store"


def test_without_signing_in_there_is_no_page_and_a_way_to_sign_in(browser: httpx.Client) -> None:
    page = browser.get("/mijn")
    assert page.status_code == 401
    assert "U bent niet aangemeld" in page.text
    assert 'href="/aanmelden"' in page.text
    assert "www-authenticate" not in page.headers


def test_another_role_may_not_see_a_pass_holders_page(browser: httpx.Client) -> None:
    response = sign_in(browser, "auditor", naam="Anna")
    assert response.headers["location"] == "/"
    assert "Anna" in browser.get("/").text
    assert "Voor de rol auditor is hier nog geen pagina." in words(browser.get("/"))
    page = browser.get("/mijn")
    assert (page.status_code, "Deze pagina is niet voor u" in page.text) == (403, True)


def test_an_address_that_is_not_there_is_a_page_in_plain_dutch(browser: httpx.Client) -> None:
    page = browser.get("/nergens")
    assert page.status_code == 404
    assert "Deze pagina is er niet" in page.text
    assert browser.delete("/mijn").status_code == 405
    assert browser.get("/static/../settings.py").status_code == 404
    assert browser.get("/mijn/").status_code == 404


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (problem_response(503, "even niet"), 503, "Wij kunnen uw gegevens nu niet ophalen"),
        (problem_response(500, "kapot: geheim"), 502, "Wij kunnen uw gegevens nu niet ophalen"),
        (problem_response(404, "niet hier"), 404, "Deze pagina is er niet"),
        (problem_response(403, "mag niet"), 403, "Deze pagina is niet voor u"),
        (problem_response(401, "token"), 502, "Wij kunnen uw gegevens nu niet ophalen"),
        (Response("no json at all", 200), 500, "Er ging bij ons iets mis"),
        (Response('{"unexpected": true}', 200), 500, "Er ging bij ons iets mis"),
    ],
    ids=["503", "500", "404", "403", "401", "no json", "other json"],
)
def test_a_wallet_that_fails_ends_in_a_page_that_says_what_to_do(
    browser: httpx.Client, wallet: StandInWallet, answer: Response, status: int, text: str
) -> None:
    sign_in(browser, houder=MARIA)
    wallet.answer = answer
    page = browser.get("/mijn")
    assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert text in page.text
    assert "geheim" not in page.text


def test_a_wallet_that_is_down_is_a_503_page(make_gateway: Any) -> None:
    with httpx.Client(base_url=make_gateway().url, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        sign_in(browser, houder=MARIA)
        page = browser.get("/mijn")
        assert (page.status_code, page.headers["retry-after"]) == (503, "2")
        assert "Uw geld is veilig." in page.text


def test_a_cursor_that_nobody_gave_is_a_page_too(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    assert browser.get("/mijn?cursor=x").status_code == 400
    assert browser.get("/mijn?cursor=" + "x" * 600).status_code == 400
