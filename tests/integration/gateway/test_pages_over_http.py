"""The pages as a browser gets them: who sees what, in which words, and what a foreign site cannot do."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import redis
from fastapi import Response

from foundation.access import Role
from foundation.application import problem_response
from gateway import sessions as sessions_module
from gateway.app import create_gateway
from stadsbeurs.house import SERVICES
from tests.integration.gateway.issuer import CLIENT, Issuer
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.wallet_stand_in import StandInWallet

NB = "\N{NO-BREAK SPACE}"
MARIA = "0190aaaa-0000-7000-8000-000000000001"
EMPTY = "0190aaaa-0000-7000-8000-000000000002"


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


def sign_in(browser: httpx.Client, role: str = "pass-holder", **fields: str) -> httpx.Response:
    return browser.post("/aanmelden", data={"rol": role, **fields})


def words(page: httpx.Response) -> str:
    """The text of a page without its tags, as it is read aloud."""
    silent = re.sub(r'<span aria-hidden="true">[^<]*</span>', "", page.text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", silent.replace(NB, "_"))).replace("_", NB)


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


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"naam": "Maria"}, "Kies een rol."),
        ({"rol": "service"}, "Kies een rol."),
        ({"rol": "burgemeester"}, "Kies een rol."),
        ({"rol": "pass-holder"}, "Vul het nummer van de pashouder in"),
        ({"rol": "pass-holder", "houder": "../7"}, "Vul het nummer van de pashouder in"),
        ({"rol": "organisation"}, "Vul het nummer van de organisatie in"),
        ({"rol": "auditor", "naam": "x" * 65}, "Vul een naam in van hoogstens 64 tekens."),
    ],
)
def test_a_sign_in_with_a_mistake_says_which(browser: httpx.Client, fields: dict[str, str], mistake: str) -> None:
    page = browser.post("/aanmelden", data=fields)
    assert page.status_code == 400
    assert mistake in page.text
    assert "Nog niet alles klopt" in page.text
    assert "<title>Fout: Aanmelden" in page.text
    assert "set-cookie" not in page.headers


def test_a_form_keeps_what_was_filled_in_as_text(browser: httpx.Client) -> None:
    page = browser.post("/aanmelden", data={"rol": "pass-holder", "naam": '"><script>alert(1)</script>'})
    assert "<script>" not in page.text
    assert "&#34;&gt;&lt;script&gt;" in page.text


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "OWN.evil.example"},
    {"Origin": "http://localhost"},
    {"Referer": "OWN"},
    {},
]


@pytest.mark.parametrize("path", ["/aanmelden", "/afmelden"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_form_of_another_site_does_nothing(house_with_pages: Running, path: str, headers: dict[str, str]) -> None:
    sent = {name: value.replace("OWN", house_with_pages.url) for name, value in headers.items()}
    response = httpx.post(house_with_pages.url + path, data={"rol": "auditor"}, headers=sent)
    assert response.status_code == 403
    assert "set-cookie" not in response.headers


def test_an_older_browser_is_known_by_its_origin(house_with_pages: Running) -> None:
    headers = {"Origin": house_with_pages.url}
    assert httpx.post(house_with_pages.url + "/aanmelden", data={"rol": "auditor"}, headers=headers).status_code == 303


def test_signing_in_and_out_is_never_done_by_a_link(browser: httpx.Client) -> None:
    sign_in(browser, houder=MARIA)
    assert browser.get("/afmelden").status_code == 405
    assert browser.get("/mijn").status_code == 200


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"rol=auditor", "text/plain", 415),
        (b"rol=auditor&naam=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"a=b" for _ in range(60)), "application/x-www-form-urlencoded", 400),
        (b"naam=%ff", "application/x-www-form-urlencoded", 400),
        ("naam=é".encode(), "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_is_no_small_form_is_refused(browser: httpx.Client, content: bytes, kind: str, status: int) -> None:
    assert browser.post("/aanmelden", content=content, headers={"Content-Type": kind}).status_code == status


def test_the_cookie_is_for_no_script_and_no_other_site(browser: httpx.Client) -> None:
    cookie = sign_in(browser, houder=MARIA).headers["set-cookie"]
    name, value = re.match(r"([^=]+)=([^;]+)", cookie).groups()  # type: ignore[union-attr]
    assert name == "session"
    assert len(value) == 43  # 256 bits
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Max-Age" not in cookie
    assert "Domain" not in cookie


def test_valkey_holds_only_the_hash_of_a_session_for_a_quarter_of_an_hour(browser: httpx.Client, house: House) -> None:
    sign_in(browser, houder=MARIA)
    secret = browser.cookies["session"]
    valkey = redis.Redis.from_url(house.redis_url, decode_responses=True)
    key = f"gateway:session:{hashlib.sha256(secret.encode()).hexdigest()}"
    assert 890 <= valkey.ttl(key) <= 900
    assert not any(secret in str(name) for name in valkey.keys("*"))
    valkey.expire(key, 10)
    browser.get("/")
    assert valkey.ttl(key) > 800
    valkey.close()


def test_staff_may_be_still_for_half_an_hour(browser: httpx.Client, house: House) -> None:
    sign_in(browser, "caseworker")
    valkey = redis.Redis.from_url(house.redis_url)
    key = f"gateway:session:{hashlib.sha256(browser.cookies['session'].encode()).hexdigest()}"
    assert 1790 <= valkey.ttl(key) <= 1800
    valkey.close()


def test_a_session_ends_after_eight_hours_however_busy(browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(browser, houder=MARIA)
    assert browser.get("/mijn").status_code == 200
    eight_hours_on = time.time() + 8 * 3600
    monkeypatch.setattr(sessions_module.time, "time", lambda: eight_hours_on)
    assert browser.get("/").status_code == 200
    monkeypatch.undo()
    assert browser.get("/mijn").status_code == 401


def test_signing_out_ends_the_session_itself(browser: httpx.Client, house_with_pages: Running) -> None:
    sign_in(browser, houder=MARIA)
    stolen = {"session": browser.cookies["session"]}
    response = browser.post("/afmelden")
    assert (response.status_code, response.headers["location"]) == (303, "/?afgemeld=ja")
    assert response.headers["clear-site-data"] == '"cache", "storage"'
    assert "session" not in browser.cookies
    assert "U bent afgemeld." in browser.get("/?afgemeld=ja").text
    assert httpx.get(house_with_pages.url + "/mijn", cookies=stolen).status_code == 401


def test_signing_in_gives_a_new_session_and_ends_the_old_one(browser: httpx.Client, house_with_pages: Running) -> None:
    sign_in(browser, houder=MARIA)
    first = browser.cookies["session"]
    sign_in(browser, "auditor")
    assert browser.cookies["session"] != first
    assert httpx.get(house_with_pages.url + "/mijn", cookies={"session": first}).status_code == 401


def test_a_session_id_that_somebody_else_chose_is_never_used(browser: httpx.Client) -> None:
    browser.cookies.set("session", "chosen-by-an-attacker", domain="127.0.0.1")
    response = sign_in(browser, houder=MARIA)
    assert "chosen-by-an-attacker" not in response.headers["set-cookie"]


def test_with_an_empty_valkey_everybody_signs_in_again(browser: httpx.Client, house: House) -> None:
    sign_in(browser, houder=MARIA)
    valkey = redis.Redis.from_url(house.redis_url)
    valkey.flushall()
    valkey.close()
    assert browser.get("/mijn").status_code == 401
    sign_in(browser, houder=MARIA)
    assert browser.get("/mijn").status_code == 200


def test_without_valkey_the_pages_say_so_and_the_api_goes_on(make_gateway: Any, house: House, echo: Running) -> None:
    gateway = make_gateway(wallet_url=echo.url, redis_url="redis://127.0.0.1:1/0")
    assert httpx.get(gateway.url + "/").status_code == 200
    headers = {"Sec-Fetch-Site": "same-origin"}
    page = httpx.post(gateway.url + "/aanmelden", data={"rol": "auditor"}, headers=headers)
    assert (page.status_code, "even" in words(page)) == (503, True)
    assert httpx.get(gateway.url + "/mijn", cookies={"session": "x"}).status_code == 503
    assert httpx.get(gateway.url + "/api/wallet/v1/echo", headers=house.bearer()).status_code == 200


def test_ready_means_everything_behind_is_ready(make_gateway: Any, echo: Running) -> None:
    services = [service.name for service in SERVICES]
    good = make_gateway(**House.everywhere(echo.url))
    answer = httpx.get(good.url + "/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "checks": dict.fromkeys([*services, "sessions"], True),
    }
    bad = make_gateway(wallet_url=echo.url, redis_url="redis://127.0.0.1:1/0")
    answer = httpx.get(bad.url + "/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {**dict.fromkeys([*services, "sessions"], False), "wallet": True}
    assert httpx.get(bad.url + "/healthz").json() == {"status": "alive"}


def test_metrics_are_on_a_port_of_their_own(make_gateway: Any, house: House, echo: Running) -> None:
    from stadsbeurs import ports

    port = ports.pick()
    gateway = make_gateway(wallet_url=echo.url, metrics_port=port)
    httpx.get(gateway.url + "/api/wallet/v1/echo", headers=house.bearer())
    assert httpx.get(gateway.url + "/metrics").status_code == 404
    shown = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert 'stadsbeurs_gateway_forwarded_seconds_count{service="wallet",status="200"}' in shown
    assert 'route="/api/{rest:path}"' in shown


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


def there(away: httpx.Client) -> httpx.Response:
    """Go to the issuer and give its answer, which sends the browser back."""
    begun = away.get("/aanmelden/begin")
    assert begun.status_code == 303
    return httpx.get(begun.headers["location"])


def back(away: httpx.Client, answer: httpx.Response, **changes: str) -> httpx.Response:
    """Follow the way back, as it is or with other parameters."""
    parts = urlsplit(answer.headers["location"])
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return away.get(parts.path, params=query | changes)


def test_people_sign_in_at_the_issuer_with_a_code_and_pkce(away: httpx.Client, issuer: Issuer) -> None:
    issuer.person = {"sub": "maria", "roles": ["pass-holder"], "holder_id": MARIA}
    assert 'href="/aanmelden/begin"' in away.get("/aanmelden").text
    assert 'name="rol"' not in away.get("/aanmelden").text
    begun = away.get("/aanmelden/begin")
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"][0].endswith("/aanmelden/terug")
    response = back(away, httpx.get(begun.headers["location"]))
    assert (response.status_code, response.headers["location"]) == (303, "/mijn")
    assert f"Te besteden €{NB}1.501,60" in words(away.get("/mijn"))


def test_the_form_of_the_stand_in_is_not_there_when_only_an_issuer_is(away: httpx.Client) -> None:
    assert sign_in(away, houder=MARIA).status_code == 404


def test_an_answer_of_the_issuer_counts_once(away: httpx.Client) -> None:
    answer = there(away)
    cookies = dict(away.cookies)
    assert back(away, answer).status_code == 303
    away.cookies.clear()
    for name, value in cookies.items():
        away.cookies.set(name, value)
    assert back(away, answer).status_code == 401


def test_an_answer_counts_only_in_the_browser_that_asked(away: httpx.Client) -> None:
    answer = there(away)
    away.cookies.clear()
    assert back(away, answer).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [{"state": "other"}, {"state": ""}, {"code": "other"}, {"code": ""}, {"iss": "https://evil.example"}],
    ids=str,
)
def test_an_answer_that_was_changed_on_the_way_is_refused(away: httpx.Client, changes: dict[str, str]) -> None:
    response = back(away, there(away), **changes)
    assert response.status_code == 401
    assert "session=" not in response.headers.get("set-cookie", "")


@pytest.mark.parametrize(
    ("bend", "status"),
    [
        ({"nonce": "other"}, 401),
        ({"nonce": None}, 401),
        ({"aud": "stadsbeurs"}, 401),
        ({"aud": [CLIENT, "more"], "azp": "more"}, 401),
        ({"exp": 1}, 401),
        ({"iss": "https://evil.example"}, 401),
        ({"roles": ["service"]}, 403),
    ],
    ids=str,
)
def test_an_id_token_that_is_not_an_answer_to_us_is_refused(
    away: httpx.Client, issuer: Issuer, bend: dict[str, Any], status: int
) -> None:
    issuer.bend["id_token"] = bend
    assert back(away, there(away)).status_code == status


def test_an_id_token_is_no_bearer_token(away: httpx.Client, issuer: Issuer) -> None:
    token = issuer.token(aud=CLIENT)
    response = httpx.get(away.base_url.join("/api/wallet/v1/echo"), headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401


def test_signing_in_waits_while_the_issuer_cannot_be_asked(make_gateway: Any) -> None:
    changes = {"oidc_client_id": CLIENT, "public_url": "http://127.0.0.1:9"}
    gateway = make_gateway(oidc_issuer="http://127.0.0.1:1", **changes)
    assert httpx.get(gateway.url + "/aanmelden/begin").status_code == 503


def test_every_role_that_the_stand_in_offers_is_one_of_ours(browser: httpx.Client) -> None:
    offered = set(re.findall(r'name="rol" value="([^"]+)"', browser.get("/aanmelden").text))
    assert offered == {role.value for role in Role} - {"service"}
