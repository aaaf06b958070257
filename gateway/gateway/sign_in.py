"""Who comes in from outside: the one place where a token of an identity provider is judged."""

from __future__ import annotations

import re
import secrets
import time
import warnings
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning

from foundation.access import CLOCK_LEEWAY_S, MAX_TOKEN_LENGTH, Caller, Role, TokenVerifier
from foundation.refusals import Forbidden, Refusal, Unauthenticated
from gateway.metrics import CALLERS_REFUSED
from gateway.oidc import Provider, PublicKey

STAND_IN = "stadsbeurs-stand-in"
"""Issuer and key name of the stand-in identity provider."""

AUDIENCE = "stadsbeurs"
TOKEN_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

# A key names its algorithms; a token's header only chooses among them. Never none, never a shared secret.
ALGORITHMS = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("Ed25519", "EdDSA")}

_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KNOWN_ROLES = frozenset(role.value for role in Role)


class Callers:
    """Checks tokens from outside; nothing else in the gateway decodes one."""

    def __init__(
        self,
        *,
        stand_in: TokenVerifier | None,
        provider: Provider | None,
        audience: str = AUDIENCE,
        role_claim: str = "roles",
        production: bool,
    ) -> None:
        """`stand_in` checks what the stand-in identity provider signed; it is None in production."""
        if production and stand_in is not None:
            raise ValueError("production has no stand-in identity provider")
        self._stand_in = stand_in
        self._provider = provider
        self._audience = audience
        self._role_claim = role_claim

    async def check(self, token: str) -> Caller:
        """Give the caller of a bearer token. Raises `Unauthenticated`, `Forbidden` or `IssuerUnavailable`."""
        try:
            header = _header(token)
            if self._stand_in is not None and header.get("kid") == STAND_IN:
                return caller_of(self._stand_in.claims(token), "roles", local=True)
            claims = await self._issuer_claims(token, header, self._audience)
            return caller_of(claims, self._role_claim, local=False)
        except Refusal as refusal:
            CALLERS_REFUSED.labels(refusal.errors[0].code).inc()
            raise

    async def check_sign_in(self, id_token: str, client_id: str, nonce: str) -> Caller:
        """Give the person whom the issuer signed in; the token must answer our own nonce."""
        claims = await self._issuer_claims(id_token, _header(id_token), client_id)
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise Unauthenticated("Het aanmelden is niet gelukt. Begin opnieuw.")
        if claims.get("azp", client_id) != client_id:
            raise Unauthenticated("Het token is voor een ander bedoeld.")
        return caller_of(claims, self._role_claim, local=False)

    async def _issuer_claims(self, token: str, header: Mapping[str, Any], audience: str) -> dict[str, Any]:
        if self._provider is None:
            raise Unauthenticated("Het token is niet geldig.")
        kid = header.get("kid")
        if kid is not None and not isinstance(kid, str):
            raise Unauthenticated("Het token is niet geldig.")
        if str(header.get("typ", "JWT")).lower() not in TOKEN_TYPES:
            raise Unauthenticated("Dit is geen toegangstoken.")
        key = await self._provider.key(kid)
        claims = _decoded(token, key)
        _check_times(claims)
        if claims.get("iss") != self._provider.issuer:
            raise Unauthenticated("Het token is door een ander gemaakt.")
        audiences = claims.get("aud")
        if audience not in (audiences if isinstance(audiences, list) else [audiences]):
            raise Unauthenticated("Het token is voor een ander bedoeld.")
        return claims


# A program sends one token with many requests. Few are kept: what is in them was not checked yet.
@lru_cache(maxsize=256)
def _header(token: str) -> Mapping[str, Any]:
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise Unauthenticated("Het token is te lang of bevat vreemde tekens.")
    try:
        return MappingProxyType(dict(jws.extract_compact(token.encode("ascii")).headers()))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise Unauthenticated("Het token is niet geldig.") from error


def _decoded(token: str, key: PublicKey) -> dict[str, Any]:
    """Give the claims that this key signed. The header's own `jwk`, `jku` and `x5u` are never looked at."""
    own = key.get("alg")
    algorithms = [name for name in ALGORITHMS[key.key_type] if own is None or own == name]
    try:
        with warnings.catch_warnings():
            # EdDSA is the older name of Ed25519 (RFC 9864); providers still send it.
            warnings.simplefilter("ignore", SecurityWarning)
            decoded = jwt.decode(token, key, algorithms=algorithms)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise Unauthenticated("Het token is niet geldig.") from error
    return decoded.claims


def _check_times(claims: dict[str, Any]) -> None:
    now = time.time()
    issued: Any = claims.get("iat")
    expires: Any = claims.get("exp")
    not_before: Any = claims.get("nbf", 0)
    if any(type(value) not in (int, float) for value in (issued, expires, not_before)):
        raise Unauthenticated("Het token heeft geen geldige tijden.")
    earliest, latest = now - CLOCK_LEEWAY_S, now + CLOCK_LEEWAY_S
    # Written so that a NaN passes none of them.
    if not (expires > earliest and issued <= latest and not_before <= latest):
        raise Unauthenticated("Het token is verlopen of nog niet geldig.")


def caller_of(claims: dict[str, Any], role_claim: str, *, local: bool) -> Caller:
    """Give the caller whom checked claims describe; roles that we do not know count for nothing.

    The role `service` is for our own services, which sign for themselves: from outside it is accepted only
    where `local` says that the stand-in identity provider gave it.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise Unauthenticated("Het token noemt niet voor wie het is.")
    named: Any = claims
    for step in role_claim.split("."):
        named = named.get(step) if isinstance(named, dict) else None
    if isinstance(named, str):
        named = named.split()
    if not isinstance(named, list):
        raise Unauthenticated("Het token noemt geen rollen.")
    roles = frozenset(Role(role) for role in named if isinstance(role, str) and role in _KNOWN_ROLES)
    if Role.SERVICE in roles and not local:
        raise Forbidden("De rol service komt niet van buiten.", code="roleNotAllowed")
    return Caller(
        subject=subject,
        roles=roles,
        holder_id=_identifier(claims, "holder_id"),
        organisation_id=_identifier(claims, "organisation_id"),
    )


def _identifier(claims: dict[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise Unauthenticated(f"Het token heeft geen geldige {name}.")
    return value
