"""What the gateway must know, read from `STADSBEURS_<FIELD>`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr, model_validator

from foundation.access import read_key
from foundation.settings import HoldsFile, Settings


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("is not an address such as https://example.org")
    return text.rstrip("/")


Url = Annotated[str, AfterValidator(_base_url)]


class _Backend:
    """Marks the address of a service; its name is the field's name without `_url`."""


BackendUrl = Annotated[Url, _Backend()]


class GatewaySettings(Settings):
    """The addresses of the services, of Valkey and of the identity provider."""

    # A new service is one line here: it is then forwarded to, waited for and known to the pages.
    wallet_url: BackendUrl
    burgerbudget_url: BackendUrl
    sociaal_krediet_url: BackendUrl
    belkosten_url: BackendUrl

    redis_url: SecretStr
    municipality_name: str = "Gemeente"
    metrics_port: int | None = None
    """Where /metrics of the gateway itself is shown, on loopback only."""
    public_url: Url | None = None
    """The address that people type; the way back from an OIDC issuer and the origin of our own forms."""

    stand_in_identity_key_file: Annotated[Path | None, HoldsFile("an Ed25519 key (JWK)", read_key)] = None
    """The private Ed25519 key (JWK) of the stand-in identity provider; local only."""
    oidc_issuer: str | None = None
    oidc_audience: str = "stadsbeurs"
    """What a bearer token of the issuer must name in `aud`."""
    oidc_role_claim: str = "roles"
    """Where the roles are in a token; dots go deeper, as in `realm_access.roles`."""
    oidc_client_id: str | None = None
    """With this set, people can sign in on the pages through the issuer."""
    oidc_client_secret: SecretStr | None = None

    @property
    def production(self) -> bool:
        return self.environment == "production"

    def backends(self) -> dict[str, str]:
        """Give the address of each service by its name in the path."""
        fields = type(self).model_fields.items()
        marked = [name for name, field in fields if any(isinstance(mark, _Backend) for mark in field.metadata)]
        return {name.removesuffix("_url").replace("_", "-"): getattr(self, name) for name in marked}

    def development_defaults(self) -> dict[str, str]:
        found = super().development_defaults()
        if self.stand_in_identity_key_file is not None:
            found["stand_in_identity_key_file"] = "lets anyone sign in as anybody"
        if not (self.oidc_issuer or "").startswith("https://"):
            found["oidc_issuer"] = "is not an https address"
        if not (self.public_url or "").startswith("https://"):
            found["public_url"] = "is not an https address"
        return found

    @model_validator(mode="after")
    def _somebody_can_come_in(self) -> Self:
        if self.stand_in_identity_key_file is None and self.oidc_issuer is None:
            raise ValueError("STADSBEURS_OIDC_ISSUER or STADSBEURS_STAND_IN_IDENTITY_KEY_FILE must be set")
        if self.oidc_client_id and (self.oidc_issuer is None or self.public_url is None):
            raise ValueError("STADSBEURS_OIDC_CLIENT_ID needs STADSBEURS_OIDC_ISSUER and STADSBEURS_PUBLIC_URL")
        return self
