"""Every way in which a token from outside may be wrong, and the few in which it is right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey, RSAKey

from foundation.access import Role
from gateway import oidc
from gateway.sign_in import AUDIENCE, STAND_IN
from tests.integration.gateway.issuer import Issuer

ECHO = "/api/wallet/v1/echo"


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def good_claims() -> dict[str, Any]:
    now = int(time.time())
    return {"iss": STAND_IN, "aud": AUDIENCE, "sub": "eve", "roles": ["admin"], "iat": now, "exp": now + 600}


def signed(key: Any, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in (good_claims() | changes).items() if value is not None}
    full = {"alg": "Ed25519", "kid": STAND_IN, **(header or {})}
    full = {name: value for name, value in full.items() if value is not None}
    return jwt.encode(full, claims, key, algorithms=[full["alg"]])


def status(gateway: Any, token: str) -> int:
    return httpx.get(gateway.url + ECHO, headers={"Authorization": f"Bearer {token}"}).status_code


def hmac_token(secret: bytes, header: dict[str, Any]) -> str:
    text = f"{part(header)}.{part(good_claims())}"
    signature = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


Attack = Callable[[Any], str]
STOLEN = OKPKey.generate_key("Ed25519", private=True)

ATTACKS: dict[str, Attack] = {
    "empty": lambda house: "x",
    "alg none": lambda house: f"{part({'alg': 'none', 'kid': STAND_IN})}.{part(good_claims())}.",
    "alg None": lambda house: f"{part({'alg': 'None', 'kid': STAND_IN})}.{part(good_claims())}.",
    "alg nOnE with a signature": lambda house: (
        f"{part({'alg': 'nOnE', 'kid': STAND_IN})}.{part(good_claims())}.{signed(house.stand_in_key).split('.')[2]}"
    ),
    "no alg": lambda house: (
        f"{part({'kid': STAND_IN})}.{part(good_claims())}.{signed(house.stand_in_key).split('.')[2]}"
    ),
    "HS256 with the public key": lambda house: hmac_token(
        json.dumps(house.stand_in_key.as_dict(private=False)).encode(), {"alg": "HS256", "kid": STAND_IN}
    ),
    "HS256 with the raw public key": lambda house: hmac_token(
        base64.urlsafe_b64decode(house.stand_in_key.as_dict()["x"] + "=="), {"alg": "HS256", "kid": STAND_IN}
    ),
    "HS256 with an empty key": lambda house: hmac_token(b"", {"alg": "HS256", "kid": STAND_IN}),
    "another key": lambda house: signed(STOLEN),
    "the gateway's own service token": lambda house: signed(
        house.gateway_key, {"kid": "gateway"}, iss="gateway", aud="wallet"
    ),
    "the gateway's key under the stand-in's name": lambda house: signed(house.gateway_key),
    "aud of a service": lambda house: signed(house.stand_in_key, aud="wallet"),
    "aud as a list": lambda house: signed(house.stand_in_key, aud=[AUDIENCE, "other"]),
    "no aud": lambda house: signed(house.stand_in_key, aud=None),
    "wrong iss": lambda house: signed(house.stand_in_key, iss="https://evil.example"),
    "no iss": lambda house: signed(house.stand_in_key, iss=None),
    "no sub": lambda house: signed(house.stand_in_key, sub=None),
    "sub as a list": lambda house: signed(house.stand_in_key, sub=["eve"]),
    "empty sub": lambda house: signed(house.stand_in_key, sub=""),
    "sub with a line end": lambda house: signed(house.stand_in_key, sub="eve\nadmin"),
    "no roles": lambda house: signed(house.stand_in_key, roles=None),
    "roles as an object": lambda house: signed(house.stand_in_key, roles={"admin": True}),
    "expired": lambda house: signed(house.stand_in_key, exp=int(time.time()) - 31),
    "not yet": lambda house: signed(house.stand_in_key, iat=int(time.time()) + 90),
    "no exp": lambda house: signed(house.stand_in_key, exp=None),
    "exp as text": lambda house: signed(house.stand_in_key, exp=str(int(time.time()) + 600)),
    "exp as true": lambda house: signed(house.stand_in_key, exp=True),
    "no iat": lambda house: signed(house.stand_in_key, iat=None),
    "no kid": lambda house: signed(house.stand_in_key, {"kid": None}),
    "kid of a path": lambda house: signed(STOLEN, {"kid": "../../../dev/null"}),
    "kid of SQL": lambda house: signed(STOLEN, {"kid": "x' UNION SELECT 'secret"}),
    "kid of an address": lambda house: signed(STOLEN, {"kid": "http://127.0.0.1:1/key"}),
    "kid of another issuer": lambda house: signed(house.stand_in_key, {"kid": "gateway"}),
    "own key in jwk": lambda house: signed(STOLEN, {"jwk": STOLEN.as_dict(private=False)}),
    "own key in jku": lambda house: signed(STOLEN, {"jku": "http://127.0.0.1:1/jwks"}),
    "own key in x5u": lambda house: signed(STOLEN, {"x5u": "http://127.0.0.1:1/x5u"}),
    "unknown critical header": lambda house: (
        f"{part({'alg': 'Ed25519', 'kid': STAND_IN, 'crit': ['exp-check'], 'exp-check': 'off'})}."
        f"{part(good_claims())}.{signed(house.stand_in_key).split('.')[2]}"
    ),
    "truncated signature": lambda house: signed(house.stand_in_key)[:-4],
    "no signature": lambda house: signed(house.stand_in_key).rsplit(".", 1)[0] + ".",
    "two parts": lambda house: signed(house.stand_in_key).rsplit(".", 1)[0],
    "five parts": lambda house: signed(house.stand_in_key) + ".x.y",
    "trailing data": lambda house: signed(house.stand_in_key) + "AAAA",
    "signature of another payload": lambda house: ".".join(
        [*signed(house.stand_in_key, sub="a").split(".")[:2], signed(house.stand_in_key, sub="b").split(".")[2]]
    ),
    "a role added": lambda house: ".".join(
        [
            signed(house.stand_in_key).split(".")[0],
            part(good_claims() | {"roles": ["admin", "auditor"]}),
            signed(house.stand_in_key).split(".")[2],
        ]
    ),
    "nested": lambda house: f"{part({'alg': 'Ed25519', 'kid': STAND_IN, 'cty': 'JWT'})}.{part(signed(STOLEN))}.AAAA",
    "payload that is no object": lambda house: f"{part({'alg': 'Ed25519', 'kid': STAND_IN})}.{part([1])}.AAAA",
    "10 kB": lambda house: signed(house.stand_in_key, padding="x" * 10_000),
    "holder id of a path": lambda house: signed(house.stand_in_key, holder_id="../other"),
    "holder id as a number": lambda house: signed(house.stand_in_key, holder_id=7),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_token_that_is_not_right_in_every_way_is_refused(gateway: Any, house: Any, attack: str) -> None:
    response = httpx.get(gateway.url + ECHO, headers={"Authorization": f"Bearer {ATTACKS[attack](house)}"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert response.json()["errors"][0]["code"] == "unauthenticated"


@pytest.mark.parametrize("header", ["Bearer", "Basic YTpi", "Token x", "Bearer é", "Bearer x y"])
def test_an_authorization_header_that_holds_no_token_is_refused(gateway: Any, header: str) -> None:
    response = httpx.get(gateway.url + ECHO, headers={"Authorization": header.encode("latin-1")})
    assert response.status_code == 401


def test_a_token_is_good_until_half_a_minute_after_its_end(gateway: Any, house: Any) -> None:
    now = int(time.time())
    assert status(gateway, signed(house.stand_in_key, exp=now - 20)) == 200
    assert status(gateway, signed(house.stand_in_key, exp=now - 31)) == 401
    assert status(gateway, signed(house.stand_in_key, iat=now + 20)) == 200


def test_the_token_of_the_command_line_is_accepted(house: Any, gateway: Any, tmp_path: Any) -> None:
    from stadsbeurs import keys, tokens

    key = {**house.stand_in_key.as_dict(private=True), "kid": STAND_IN}
    keys.signing_key_file(tmp_path, STAND_IN).write_text(json.dumps(key), encoding="utf-8")
    token = tokens.sign_in(tmp_path, "pass-holder", "fatima", holder="h-1")
    assert status(gateway, token) == 200


def test_locally_the_stand_in_may_give_the_role_service(
    gateway: Any, house: Any, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    response = httpx.get(gateway.url + ECHO, headers=house.bearer(Role.SERVICE, subject="load-test"))
    claims = service_claims(dict(response.json()["headers"])["authorization"])
    assert (claims["iss"], claims["sub"], claims["roles"]) == ("gateway", "load-test", ["service"])


def test_a_role_that_we_do_not_know_counts_for_nothing(
    gateway: Any, house: Any, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    token = signed(house.stand_in_key, roles=["auditor", "superuser", 7, "ADMIN"])
    response = httpx.get(gateway.url + ECHO, headers={"Authorization": f"Bearer {token}"})
    assert service_claims(dict(response.json()["headers"])["authorization"])["roles"] == ["auditor"]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    for kid, kind in (("rsa-2", "RSA"), ("ec-1", "EC"), ("ed-1", "OKP"), ("small", "small RSA")):
        made.add_key(kid, kind)
    yield made
    made.stop()


@pytest.fixture
def behind_issuer(make_gateway: Any, issuer: Issuer, echo: Any) -> Any:
    """A gateway that knows no stand-in, only the issuer."""
    return make_gateway(wallet_url=echo.url, stand_in_identity_key_file=None, oidc_issuer=issuer.url)


@pytest.mark.parametrize(
    ("kid", "algorithm"),
    [
        ("rsa-1", "RS256"),
        ("rsa-1", "PS256"),
        ("rsa-2", "RS256"),
        ("ec-1", "ES256"),
        ("ed-1", "Ed25519"),
        ("ed-1", "EdDSA"),
    ],
)
def test_any_issuer_can_be_set(
    behind_issuer: Any, issuer: Issuer, service_claims: Callable[[str], dict[str, Any]], kid: str, algorithm: str
) -> None:
    token = issuer.token(kid, algorithm)
    response = httpx.get(behind_issuer.url + ECHO, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200
    claims = service_claims(dict(response.json()["headers"])["authorization"])
    assert (claims["sub"], claims["roles"], claims["holder_id"]) == ("p-1", ["pass-holder"], "h-1")


def test_the_stand_in_is_worth_nothing_where_only_an_issuer_is_set(behind_issuer: Any, house: Any) -> None:
    assert status(behind_issuer, house.token()) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", "more"]},
        {"aud": None},
        {"exp": None},
        {"exp": 1},
        {"exp": "2147483647"},
        {"iat": None},
        {"iat": 2**31},
        {"nbf": 2**31},
        {"nbf": "soon"},
        {"sub": None},
        {"roles": None},
    ],
    ids=str,
)
def test_claims_of_an_issuer_must_all_be_right(behind_issuer: Any, issuer: Issuer, changes: dict[str, Any]) -> None:
    assert status(behind_issuer, issuer.token(**changes)) == 401


@pytest.mark.parametrize(
    ("kid", "algorithm"), [("rsa-1", "RS512"), ("rsa-1", "RS384"), ("small", "RS256"), ("rsa-1", "PS512")]
)
def test_keys_and_algorithms_that_we_do_not_use_are_refused(
    behind_issuer: Any, issuer: Issuer, kid: str, algorithm: str
) -> None:
    assert status(behind_issuer, issuer.token(kid, algorithm)) == 401


def test_the_public_key_of_an_issuer_is_no_shared_secret(behind_issuer: Any, issuer: Issuer) -> None:
    pem = issuer.keys["rsa-1"].as_pem(private=False)
    claims = issuer.claims()
    text = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(hmac.new(pem, text.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    assert status(behind_issuer, f"{text}.{signature}") == 401


def test_an_issuer_that_publishes_a_secret_gets_no_hs256(behind_issuer: Any, issuer: Issuer) -> None:
    secret = OctKey.generate_key(256)
    issuer.bend["keys"] = [{**secret.as_dict(), "kid": "oct-1"}, "nonsense", {"kty": "RSA", "kid": "bad", "n": "x"}]
    token = jwt.encode({"alg": "HS256", "kid": "oct-1"}, issuer.claims(), secret, algorithms=["HS256"])
    assert status(behind_issuer, token) == 401
    issuer.bend.clear()


def test_an_issuer_cannot_give_the_role_service(behind_issuer: Any, issuer: Issuer) -> None:
    token = issuer.token(roles=["auditor", "service"])
    response = httpx.get(behind_issuer.url + ECHO, headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "roleNotAllowed")


def test_an_id_token_type_that_is_not_ours_is_refused(behind_issuer: Any, issuer: Issuer) -> None:
    assert status(behind_issuer, issuer.token(header={"typ": "logout+jwt"})) == 401
    assert status(behind_issuer, issuer.token(header={"typ": "at+jwt"})) == 200


def test_roles_are_found_where_the_setting_says(
    make_gateway: Any, issuer: Issuer, echo: Any, service_claims: Callable[[str], dict[str, Any]]
) -> None:
    gateway = make_gateway(
        wallet_url=echo.url, oidc_issuer=issuer.url, oidc_role_claim="realm_access.roles", oidc_audience="gemeente"
    )
    token = issuer.token(
        roles=["admin"], realm_access={"roles": ["auditor", "offline_access"]}, aud=["gemeente", "account"]
    )
    response = httpx.get(gateway.url + ECHO, headers={"Authorization": f"Bearer {token}"})
    assert service_claims(dict(response.json()["headers"])["authorization"])["roles"] == ["auditor"]


def test_a_new_key_of_the_issuer_is_fetched_but_not_at_every_unknown_name(
    make_gateway: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer()
    try:
        gateway = make_gateway(wallet_url=echo.url, oidc_issuer=issuer.url)
        assert status(gateway, issuer.token()) == 200
        assert issuer.key_fetches == 1
        issuer.add_key("rsa-new", "RSA")
        for _ in range(5):
            assert status(gateway, issuer.token("rsa-new")) == 401
        assert issuer.key_fetches == 1
        monkeypatch.setattr(oidc, "REFETCH_AFTER_S", 0.0)
        assert status(gateway, issuer.token("rsa-new")) == 200
        assert issuer.key_fetches == 2
    finally:
        issuer.stop()


def test_a_withdrawn_key_is_worth_nothing_once_the_keys_are_fetched_anew(
    make_gateway: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer()
    try:
        gateway = make_gateway(wallet_url=echo.url, oidc_issuer=issuer.url)
        old = issuer.token()
        assert status(gateway, old) == 200
        issuer.keys = {"rsa-9": RSAKey.generate_key(2048, private=True)}
        monkeypatch.setattr(oidc, "REFETCH_AFTER_S", 0.0)
        monkeypatch.setattr(oidc, "FRESH_S", -1.0)
        assert status(gateway, old) == 401
        assert status(gateway, issuer.token("rsa-9")) == 200
    finally:
        issuer.stop()


def test_known_keys_do_for_an_hour_while_the_issuer_is_down(
    make_gateway: Any, echo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer()
    try:
        gateway = make_gateway(wallet_url=echo.url, oidc_issuer=issuer.url)
        token = issuer.token()
        assert status(gateway, token) == 200
        issuer.down = True
        monkeypatch.setattr(oidc, "REFETCH_AFTER_S", 0.0)
        monkeypatch.setattr(oidc, "FRESH_S", -1.0)
        assert status(gateway, token) == 200
        monkeypatch.setattr(oidc, "STALE_S", -1.0)
        response = httpx.get(gateway.url + ECHO, headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code, response.json()["errors"][0]["code"]) == (503, "issuerUnavailable")
    finally:
        issuer.stop()


@pytest.mark.parametrize(
    "bend", [{"issuer": "https://evil.example"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": 7}]
)
def test_an_issuer_that_describes_itself_wrongly_is_not_believed(
    make_gateway: Any, echo: Any, bend: dict[str, Any]
) -> None:
    issuer = Issuer()
    try:
        issuer.bend["discovery"] = bend
        gateway = make_gateway(wallet_url=echo.url, oidc_issuer=issuer.url)
        assert status(gateway, issuer.token()) == 503
    finally:
        issuer.stop()


def test_an_issuer_that_cannot_be_reached_is_503_and_the_stand_in_still_works(
    make_gateway: Any, house: Any, issuer: Issuer, echo: Any
) -> None:
    gateway = make_gateway(wallet_url=echo.url, oidc_issuer="http://127.0.0.1:1")
    assert status(gateway, issuer.token()) == 503
    assert status(gateway, house.token()) == 200
