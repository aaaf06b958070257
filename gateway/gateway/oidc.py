"""What we ask of an OpenID Connect provider: its description, its keys and, for the pages, a code for a token.

Only fetching is done here; what a token is worth is judged in `sign_in`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
import warnings
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from foundation.refusals import Unauthenticated, Unavailable

FETCH_TIMEOUT_S = 5.0
MAX_DOCUMENT_BYTES = 256 * 1024
FRESH_S = 600.0
"""How long keys are used without asking again."""

STALE_S = 3600.0
"""How long they are still used while the provider does not answer; after that a withdrawn key could be in use."""

REFETCH_AFTER_S = 30.0
"""The least time between two fetches: a stream of unknown key names is no way to make us hammer the provider."""

MIN_RSA_BITS = 2048

log = structlog.get_logger()

PublicKey = RSAKey | ECKey | OKPKey


class IssuerUnavailable(Unavailable):
    code = "issuerUnavailable"

    def __init__(self) -> None:
        super().__init__(
            "De identiteitsdienst antwoordt nu niet. Probeer het zo opnieuw.", headers={"Retry-After": "5"}
        )


class Provider:
    """One OpenID Connect provider, by the address of its issuer."""

    def __init__(self, issuer: str, *, https_only: bool) -> None:
        self.issuer = issuer
        self._https_only = https_only
        self._http = httpx.AsyncClient(timeout=FETCH_TIMEOUT_S, follow_redirects=False)
        self._lock = asyncio.Lock()
        self._description: dict[str, Any] | None = None
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")

    async def key(self, kid: str | None) -> PublicKey:
        """Give the key of this name, fetched again when it is new to us; without a name, the only one there is.

        Raises `Unauthenticated` for a name that the provider does not know and `IssuerUnavailable` when it cannot be
        asked.
        """
        if time.monotonic() - self._fetched_at > FRESH_S or self._find(kid) is None:
            await self._refresh(kid)
        found = self._find(kid)
        if time.monotonic() - self._fetched_at > STALE_S:
            raise IssuerUnavailable
        if found is None:
            raise Unauthenticated("Het token is niet geldig.")
        return found

    def _find(self, kid: str | None) -> PublicKey | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def _refresh(self, kid: str | None) -> None:
        async with self._lock:
            now = time.monotonic()
            fresh = now - self._fetched_at <= FRESH_S
            if (fresh and self._find(kid) is not None) or now - self._tried_at < REFETCH_AFTER_S:
                return
            self._tried_at = now
            try:
                description = await self._describe()
                document = await self._fetch(description["jwks_uri"])
                self._keys = _usable_keys(document)
                self._fetched_at = time.monotonic()
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                log.warning("issuer-keys-not-fetched", error=type(error).__name__)

    async def _describe(self) -> dict[str, Any]:
        if self._description is None:
            document = await self._fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != self.issuer:
                raise ValueError("the description names another issuer")
            self._description = document
        return self._description

    async def description(self) -> dict[str, Any]:
        """Give the provider's description of itself. Raises `IssuerUnavailable`."""
        try:
            return await self._describe()
        except (httpx.HTTPError, ValueError) as error:
            raise IssuerUnavailable from error

    async def _fetch(self, address: str) -> dict[str, Any]:
        self._check(address)
        async with self._http.stream("GET", address) as response:
            return await _document(response)

    def _check(self, address: str) -> None:
        schemes = ("https",) if self._https_only else ("https", "http")
        if not isinstance(address, str) or urlsplit(address).scheme not in schemes:
            raise ValueError("the provider gave an address that is not https")

    async def way_to_sign_in(self, client_id: str, back_to: str, state: str, nonce: str, verifier: str) -> str:
        """Give the address at the provider where a person signs in (authorization code with PKCE, RFC 7636)."""
        description = await self.description()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": back_to,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = str(description.get("authorization_endpoint", ""))
        try:
            self._check(endpoint)
        except ValueError as error:
            raise IssuerUnavailable from error
        return endpoint + ("&" if "?" in endpoint else "?") + urlencode(query)

    async def exchange(self, code: str, client_id: str, secret: str | None, back_to: str, verifier: str) -> str:
        """Give the ID token for a code. Raises `Unauthenticated` when the provider refuses the code."""
        description = await self.description()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back_to,
            "code_verifier": verifier,
            "client_id": client_id,
        }
        if secret is not None:
            form["client_secret"] = secret
        try:
            endpoint = description["token_endpoint"]
            self._check(endpoint)
            async with self._http.stream("POST", endpoint, data=form) as response:
                if response.status_code in (400, 401, 403):
                    raise Unauthenticated("Het aanmelden is niet gelukt. Begin opnieuw.")
                token = (await _document(response))["id_token"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise IssuerUnavailable from error
        if not isinstance(token, str):
            raise IssuerUnavailable
        return token

    async def close(self) -> None:
        await self._http.aclose()


async def _document(response: httpx.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise ValueError(f"the provider answered with status {response.status_code}")
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_DOCUMENT_BYTES:
            raise ValueError("the provider's document is too large")
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("the provider's document is no object")  # noqa: TRY004 (a fault of theirs, not of our types)
    return document


def _usable_keys(document: dict[str, Any]) -> dict[str, PublicKey]:
    """Read the signing keys of a JWKS; what we do not use (secrets, small keys, encryption keys) is left out."""
    usable: dict[str, PublicKey] = {}
    for position, entry in enumerate(document["keys"]):
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            with warnings.catch_warnings():
                # About small keys, which we leave out ourselves.
                warnings.simplefilter("ignore", SecurityWarning)
                key = _public_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key is not None:
            usable[str(entry.get("kid", f"#{position}"))] = key
    return usable


def _public_key(entry: dict[str, Any]) -> PublicKey | None:
    match entry.get("kty"), entry.get("crv"):
        case "RSA", _:
            key = RSAKey.import_key(entry)
            return key if key.public_key.key_size >= MIN_RSA_BITS else None
        case "EC", "P-256":
            return ECKey.import_key(entry)
        case "OKP", "Ed25519":
            return OKPKey.import_key(entry)
    return None
