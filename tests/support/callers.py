"""Callers for tests: the keys of the house, tokens signed with them, and HTTP clients that carry one."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from joserfc.jwk import OKPKey

from foundation.access import Role, TokenSigner, TokenVerifier
from foundation.identifiers import new_id
from stadsbeurs import house

ISSUERS = tuple(house.issuers())


class Client(TestClient):
    """An HTTP client that sends a token, and a new idempotency key with every POST that brings none."""

    def post(self, url: Any, **arguments: Any) -> Any:
        headers = dict(arguments.pop("headers", None) or {})
        headers.setdefault("Idempotency-Key", str(new_id()))
        if headers["Idempotency-Key"] == "":
            del headers["Idempotency-Key"]
        return super().post(url, headers=headers, **arguments)


class Callers:
    """The issuers of a house and what they sign."""

    def __init__(self) -> None:
        self.keys = {name: OKPKey.generate_key("Ed25519") for name in ISSUERS}
        self.signers = {name: TokenSigner(name, key) for name, key in self.keys.items()}

    def verifier(self, audience: str) -> TokenVerifier:
        """Check tokens as the service of this name does."""
        return TokenVerifier(audience, self.keys)

    def person(self, audience: str, role: Role, subject: str | None = None, **claims: Any) -> str:
        """Sign a token as the gateway does for a person or an organisation."""
        return self.signers["gateway"].token(audience, subject or role.value, {role}, lifetime_s=3600, **claims)

    def service(self, audience: str, name: str, **claims: Any) -> str:
        """Sign a token as a service does for itself."""
        return self.signers[name].token(audience, name, {Role.SERVICE}, lifetime_s=3600, **claims)

    def client(self, api: FastAPI, audience: str, role: Role, subject: str | None = None, **claims: Any) -> Client:
        """Give an HTTP client of this API that carries the token of a person."""
        token = self.person(audience, role, subject, **claims)
        base = f"http://test/api/{audience}/v1"
        return Client(api, base_url=base, headers={"Authorization": f"Bearer {token}"}, raise_server_exceptions=False)

    def service_client(self, api: FastAPI, audience: str, name: str, **claims: Any) -> Client:
        """Give an HTTP client of this API that carries the token of a service, and of whom it acts for (`on_behalf_of`)."""
        base = f"http://test/api/{audience}/v1"
        headers = {"Authorization": f"Bearer {self.service(audience, name, **claims)}"}
        return Client(api, base_url=base, headers=headers, raise_server_exceptions=False)
