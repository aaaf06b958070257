"""Signing in at an issuer: a code, PKCE, and each answer that does not count."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from foundation.access import Role
from tests.integration.gateway.issuer import CLIENT, Issuer
from tests.integration.gateway.test_pages.walking import MARIA, NB, back, sign_in, there, words


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
