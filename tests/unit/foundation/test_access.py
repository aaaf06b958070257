"""Tokens: one good one, and every bad one that an attacker would try."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from foundation.access import MAX_TOKEN_LENGTH, Caller, Role, TokenSigner, TokenVerifier
from foundation.refusals import Unauthenticated
from tests.support.callers import Callers


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def claims(**changes: Any) -> dict[str, Any]:
    issued = int(time.time())
    whole = {
        "iss": "gateway",
        "aud": "burgerbudget",
        "sub": "fin",
        "roles": ["finance-maker"],
        "iat": issued,
        "exp": issued + 60,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not ...}


def signed(key: OKPKey, body: Any, **header: Any) -> str:
    """Sign by hand, so that anything at all can be signed."""
    head = {"alg": "Ed25519", "kid": "gateway", "typ": "JWT", **header}
    head = {name: value for name, value in head.items() if value is not ...}
    signing_input = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}"
    signature = key.private_key.sign(signing_input.encode())  # type: ignore[union-attr, call-arg, arg-type]
    return f"{signing_input}.{b64(signature)}"


@pytest.fixture
def verifier(callers: Callers) -> TokenVerifier:
    return callers.verifier("burgerbudget")


@pytest.fixture
def key(callers: Callers) -> OKPKey:
    return callers.keys["gateway"]


def test_a_token_of_the_gateway_names_the_caller(callers: Callers, verifier: TokenVerifier) -> None:
    token = callers.person("burgerbudget", Role.PASS_HOLDER, "ada", holder_id="h-1")
    caller = verifier.caller(token)
    assert caller == Caller("ada", frozenset({Role.PASS_HOLDER}), holder_id="h-1")
    assert (caller.actor, caller.key_space) == ("ada", "person:ada")


def test_what_is_signed_by_hand_here_is_good_when_nothing_is_wrong(key: OKPKey, verifier: TokenVerifier) -> None:
    assert verifier.caller(signed(key, claims())).roles == {Role.FINANCE_MAKER}


def test_a_service_speaks_for_itself_and_takes_no_other_role(callers: Callers, verifier: TokenVerifier) -> None:
    token = callers.signers["wallet"].token(
        "burgerbudget", "wallet", {Role.CASEWORKER, Role.FINANCE_CHECKER}, on_behalf_of="closing/2026-Q3"
    )
    caller = verifier.caller(token)
    assert caller.roles == {Role.SERVICE}
    assert (caller.service, caller.on_behalf_of) == ("wallet", "closing/2026-Q3")
    assert (caller.actor, caller.key_space) == ("wallet", "service:wallet")


def test_a_person_with_the_name_of_a_service_has_other_keys(callers: Callers, verifier: TokenVerifier) -> None:
    person = verifier.caller(callers.person("burgerbudget", Role.ADMIN, "wallet"))
    service = verifier.caller(callers.service("burgerbudget", "wallet"))
    assert person.key_space != service.key_space


def test_unknown_roles_give_no_rights(key: OKPKey, verifier: TokenVerifier) -> None:
    assert verifier.caller(signed(key, claims(roles=["burgemeester", 7, {}, ["auditor"], None]))).roles == frozenset()


def hs256_with_the_public_key(key: OKPKey) -> str:
    """Sign with HMAC, the public key being the secret: works where a token chooses its own algorithm."""
    head = b64(json.dumps({"alg": "HS256", "kid": "gateway"}).encode())
    signing_input = f"{head}.{b64(json.dumps(claims()).encode())}"
    public = json.dumps(key.as_dict(private=False)).encode()
    return f"{signing_input}.{b64(hmac.new(public, signing_input.encode(), hashlib.sha256).digest())}"


def embedded_key() -> str:
    own = OKPKey.generate_key("Ed25519")
    return signed(own, claims(), jwk=own.as_dict(private=False))


ATTACKS: dict[str, Any] = {
    "empty": lambda key: "",
    "no token at all": lambda key: "geen.token.hier",
    "alg none": lambda key: (
        f"{b64(json.dumps({'alg': 'none', 'kid': 'gateway'}).encode())}.{b64(json.dumps(claims()).encode())}."
    ),
    "alg none with a signature": lambda key: signed(key, claims(), alg="none"),
    "HS256 with the public key": hs256_with_the_public_key,
    "another algorithm name": lambda key: signed(key, claims(), alg="EdDSA"),
    "other audience": lambda key: signed(key, claims(aud="wallet")),
    "a list of audiences": lambda key: signed(key, claims(aud=["burgerbudget", "wallet"])),
    "no audience": lambda key: signed(key, claims(aud=...)),
    "expired": lambda key: signed(key, claims(exp=int(time.time()) - 31)),
    "no exp": lambda key: signed(key, claims(exp=...)),
    "exp as text": lambda key: signed(key, claims(exp=str(int(time.time()) + 60))),
    "exp as a fraction": lambda key: signed(key, claims(exp=time.time() + 60)),
    "exp true": lambda key: signed(key, claims(exp=True)),
    "no iat": lambda key: signed(key, claims(iat=...)),
    "made in the future": lambda key: signed(key, claims(iat=int(time.time()) + 3600, exp=int(time.time()) + 3660)),
    "wrong issuer": lambda key: signed(key, claims(iss="wallet")),
    "no issuer": lambda key: signed(key, claims(iss=...)),
    "kid of another": lambda key: signed(key, claims(), kid="wallet"),
    "kid and issuer of another": lambda key: signed(key, claims(iss="wallet"), kid="wallet"),
    "unknown kid": lambda key: signed(key, claims(iss="mallory"), kid="mallory"),
    "no kid": lambda key: signed(key, claims(), kid=...),
    "kid that is a list": lambda key: signed(key, claims(), kid=["gateway"]),
    "kid that is a path": lambda key: signed(key, claims(), kid="../../dev/null"),
    "embedded jwk": lambda key: embedded_key(),
    "key of a stranger": lambda key: signed(OKPKey.generate_key("Ed25519"), claims()),
    "truncated": lambda key: signed(key, claims())[:-4],
    "without signature": lambda key: signed(key, claims()).rpartition(".")[0] + ".",
    "two parts": lambda key: signed(key, claims()).rpartition(".")[0],
    "four parts": lambda key: signed(key, claims()) + ".AAAA",
    "no subject": lambda key: signed(key, claims(sub=...)),
    "subject that is a number": lambda key: signed(key, claims(sub=7)),
    "no roles": lambda key: signed(key, claims(roles=...)),
    "roles as text": lambda key: signed(key, claims(roles="finance-maker")),
    "claims that are a list": lambda key: signed(key, ["finance-maker"]),
    "claims that are a number": lambda key: signed(key, 1),
    "critical header": lambda key: signed(key, claims(), crit=["exp"]),
    "unencoded payload": lambda key: signed(key, claims(), b64=False, crit=["b64"]),
    "header without end": lambda key: f"{b64(b'[' * 4000)}.e30.AAAA",
    "claims without end": lambda key: (
        f"{b64(json.dumps({'alg': 'Ed25519', 'kid': 'gateway'}).encode())}.{b64(b'[' * 4000)}.AAAA"
    ),
    "not base64": lambda key: signed(key, claims()).replace("e", "é"),
    "too long": lambda key: signed(key, claims(roles=["x" * MAX_TOKEN_LENGTH])),
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_a_bad_token_is_refused(attack: str, key: OKPKey, verifier: TokenVerifier) -> None:
    token = ATTACKS[attack](key)
    with pytest.raises(Unauthenticated) as refusal:
        verifier.caller(token)
    assert refusal.value.headers["WWW-Authenticate"] == "Bearer"
    assert token[:20] == "" or token[:20] not in refusal.value.message


def test_changed_claims_break_the_signature(key: OKPKey, verifier: TokenVerifier) -> None:
    head, _, signature = signed(key, claims()).split(".")
    raised = b64(json.dumps(claims(roles=["admin"])).encode())
    with pytest.raises(Unauthenticated):
        verifier.caller(f"{head}.{raised}.{signature}")


def test_a_clock_that_is_half_a_minute_off_is_forgiven(key: OKPKey, verifier: TokenVerifier) -> None:
    issued = int(time.time())
    verifier.caller(signed(key, claims(iat=issued + 25, exp=issued + 85)))
    verifier.caller(signed(key, claims(iat=issued - 85, exp=issued - 25)))


def test_what_the_signer_makes_lives_for_a_minute_and_is_never_the_same_twice() -> None:
    key = OKPKey.generate_key("Ed25519")
    signer = TokenSigner("gateway", key)
    first, second = (signer.token("wallet", "fin", {Role.FINANCE_MAKER}) for _ in range(2))
    assert first != second
    decoded = jwt.decode(first, key, algorithms=["Ed25519"])
    assert decoded.header == {"alg": "Ed25519", "kid": "gateway", "typ": "JWT"}
    assert decoded.claims["exp"] - decoded.claims["iat"] == 60
