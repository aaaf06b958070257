"""Signing in and out at the stand-in, and what a foreign site cannot do."""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any

import httpx
import pytest
import redis

from gateway import sessions as sessions_module
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.test_pages.walking import MARIA, sign_in, words


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
