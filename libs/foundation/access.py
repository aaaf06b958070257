"""Who is calling, and what that caller may ask.

The gateway checks people and organisations and signs a token of 60 seconds for one service; a service that
calls another signs its own. Services trust such a signature and no header. This is the one module that
signs and checks tokens.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from foundation.identifiers import new_id
from foundation.refusals import Forbidden, Unauthenticated

ALGORITHM = "Ed25519"
TOKEN_LIFETIME_S = 60
CLOCK_LEEWAY_S = 30
MAX_TOKEN_LENGTH = 8192
REMEMBERED_TOKENS = 1024
GATEWAY = "gateway"


class Role(StrEnum):
    """What a caller is; one caller may be several."""

    PASS_HOLDER = "pass-holder"  # noqa: S105 (a role)
    ORGANISATION = "organisation"
    PROVIDER = "provider"
    HELPER = "helper"
    CASEWORKER = "caseworker"
    FINANCE_MAKER = "finance-maker"
    FINANCE_CHECKER = "finance-checker"
    AUDITOR = "auditor"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose token was checked."""

    subject: str
    roles: frozenset[Role]
    holder_id: str | None = None
    organisation_id: str | None = None
    service: str | None = None
    """The name of the service that signed, where it was not the gateway."""
    on_behalf_of: str | None = None
    """The person or job that a calling service acts for."""

    @property
    def actor(self) -> str:
        """Who is written down as having done it."""
        return self.service or self.subject

    @property
    def key_space(self) -> str:
        """Whose idempotency keys these are: two callers never share one."""
        return f"service:{self.service}" if self.service else f"person:{self.subject}"

    def has(self, *roles: Role) -> bool:
        """Tell whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)


class TokenSigner:
    """Signs tokens in the name of one issuer."""

    def __init__(self, issuer: str, key: OKPKey) -> None:
        self.issuer = issuer
        self._key = key

    @classmethod
    def from_file(cls, issuer: str, path: Path) -> TokenSigner:
        return cls(issuer, read_signing_key(path))

    def token(
        self,
        audience: str,
        subject: str,
        roles: frozenset[Role] | set[Role],
        *,
        holder_id: str | None = None,
        organisation_id: str | None = None,
        on_behalf_of: str | None = None,
        lifetime_s: int = TOKEN_LIFETIME_S,
    ) -> str:
        """Sign a token that one audience accepts until `lifetime_s` from now."""
        issued = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "sub": subject,
            "roles": sorted(roles),
            "iat": issued,
            "exp": issued + lifetime_s,
            "jti": str(new_id()),
            "holder_id": holder_id,
            "organisation_id": organisation_id,
            "on_behalf_of": on_behalf_of,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": ALGORITHM, "kid": self.issuer, "typ": "JWT"}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Checks tokens meant for one audience against the keys of the issuers that it trusts."""

    def __init__(self, audience: str, keys: Mapping[str, OKPKey]) -> None:
        self.audience = audience
        self._keys = dict(keys)
        # A service sends one token with many requests: its signature is checked once, its times at each.
        self._decoded = lru_cache(maxsize=REMEMBERED_TOKENS)(self._decode)

    @classmethod
    def from_file(cls, audience: str, path: Path) -> TokenVerifier:
        return cls(audience, read_trusted_keys(path))

    def claims(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that is signed, for us and in time; otherwise raise `Unauthenticated`."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("Het token is te lang.")
        try:
            decoded = self._decoded(token)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise Unauthenticated("Het token is niet geldig.") from error
        claims = dict(decoded.claims)
        now = time.time()
        times = [claims.get(name) for name in ("iat", "exp")]
        if any(type(value) is not int for value in times):
            raise Unauthenticated("Het token heeft geen geldige tijden.")
        if claims["exp"] <= now - CLOCK_LEEWAY_S or claims["iat"] > now + CLOCK_LEEWAY_S:
            raise Unauthenticated("Het token is verlopen of nog niet geldig.")
        if claims.get("aud") != self.audience:
            raise Unauthenticated("Het token is voor een ander bedoeld.")
        if claims.get("iss") != decoded.header.get("kid") or not isinstance(claims.get("sub"), str):
            raise Unauthenticated("Het token noemt niet wie het maakte of voor wie.")
        return claims

    def _decode(self, token: str) -> jwt.Token:
        # The key is found by our own table; the token's header can never bring or point at one.
        return jwt.decode(token, self._key_for, algorithms=[ALGORITHM])

    def _key_for(self, token: Any) -> OKPKey:
        return self._keys[token.headers()["kid"]]

    def caller(self, token: str) -> Caller:
        """Give the caller of a checked token."""
        claims = self.claims(token)
        issuer = claims["iss"]
        roles = claims.get("roles")
        if not isinstance(roles, list):
            raise Unauthenticated("Het token noemt geen rollen.")
        # A service speaks for itself only: its own token never makes it a caseworker or a checker.
        named = {Role.SERVICE} if issuer != GATEWAY else {role for role in Role if role in roles}
        return Caller(
            subject=claims["sub"],
            roles=frozenset(named),
            holder_id=claims.get("holder_id"),
            organisation_id=claims.get("organisation_id"),
            service=None if issuer == GATEWAY else issuer,
            on_behalf_of=claims.get("on_behalf_of"),
        )


def read_key(path: Path) -> OKPKey:
    """Read one private or public Ed25519 key (JWK)."""
    return _ed25519(json.loads(path.read_text(encoding="utf-8")))


def read_signing_key(path: Path) -> OKPKey:
    """Read one private Ed25519 key (JWK); raises `ValueError` where it cannot sign."""
    key = read_key(path)
    if not key.is_private:
        raise ValueError("a public key cannot sign")
    return key


def read_trusted_keys(path: Path) -> dict[str, OKPKey]:
    """Read the public keys (JWKS) of the issuers that are trusted, by issuer name."""
    keys = json.loads(path.read_text(encoding="utf-8"))["keys"]
    return {key["kid"]: _ed25519(key) for key in keys}


def _ed25519(content: Any) -> OKPKey:
    key = OKPKey.import_key(content)
    if key.curve_name != ALGORITHM:
        raise ValueError(f"a key on {key.curve_name} signs nothing here")
    return key


def bearer_token(request: Request) -> str:
    """Give the token in the Authorization header, or raise `Unauthenticated`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Stuur een token mee: Authorization: Bearer <token>.")
    return token.strip()


async def current_caller(request: Request) -> Caller:
    """Give the caller of this request, checked once.

    Asynchronous although it waits for nothing: a check of a third of a millisecond is not worth a thread, and each
    hop to one costs as much.
    """
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        verifier: TokenVerifier = request.app.state.verifier
        known = verifier.caller(bearer_token(request))
        request.state.caller = known
    return known


class RoleCheck:
    """The check that stands before a route; tests read `roles` to see that every route has one."""

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    async def __call__(self, request: Request) -> Caller:
        # Asked here and not declared: each declared dependency inside another costs the framework as much as the check.
        caller = await current_caller(request)
        if caller.roles.isdisjoint(self.roles):
            allowed = ", ".join(sorted(self.roles))
            raise Forbidden(f"Hiervoor is een van deze rollen nodig: {allowed}.", code="roleNotAllowed")
        return caller


def require(*roles: Role) -> Any:
    """Let only callers with one of these roles through: `caller: Annotated[Caller, require(Role.AUDITOR)]`."""
    return Depends(RoleCheck(frozenset(roles)))


def anyone_signed_in() -> Any:
    """Let every caller through whose token is good."""
    return Depends(RoleCheck(frozenset(Role)))
