"""What the gateway's settings accept, and what production refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.settings import GatewaySettings
from gateway.sign_in import Callers
from stadsbeurs import house

LOCAL: dict[str, Any] = {
    "environment": "local",
    "signing_key_file": "gateway.jwk",
    "trusted_keys_file": "trusted.json",
    "stand_in_identity_key_file": "stand-in.jwk",
    "redis_url": "redis://127.0.0.1:6379/0",
    "wallet_url": "http://127.0.0.1:8101/",
    "burgerbudget_url": "http://127.0.0.1:8102",
    "sociaal_krediet_url": "http://127.0.0.1:8103",
    "belkosten_url": "http://127.0.0.1:8104",
}
PRODUCTION = LOCAL | {
    "environment": "production",
    "stand_in_identity_key_file": None,
    "oidc_issuer": "https://inloggen.example",
    "public_url": "https://stadsbeurs.example",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("STADSBEURS_")]:
        monkeypatch.delenv(name)


def settings(base: dict[str, Any], **changes: Any) -> GatewaySettings:
    return GatewaySettings(**(base | changes))


def test_every_address_of_a_service_is_in_the_table_under_its_name_in_the_path() -> None:
    assert settings(LOCAL).backends() == {
        "wallet": "http://127.0.0.1:8101",
        "burgerbudget": "http://127.0.0.1:8102",
        "sociaal-krediet": "http://127.0.0.1:8103",
        "belkosten": "http://127.0.0.1:8104",
    }


def test_the_gateway_knows_the_address_of_every_service_of_the_house() -> None:
    assert list(settings(LOCAL).backends()) == [service.name for service in house.SERVICES]


def test_a_good_production_is_accepted() -> None:
    assert settings(PRODUCTION).production


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"stand_in_identity_key_file": "stand-in.jwk"}, "STADSBEURS_STAND_IN_IDENTITY_KEY_FILE"),
        ({"business_date_file": "today"}, "STADSBEURS_BUSINESS_DATE_FILE"),
        ({"oidc_issuer": "http://inloggen.example"}, "STADSBEURS_OIDC_ISSUER"),
        ({"public_url": None}, "STADSBEURS_PUBLIC_URL"),
        ({"public_url": "http://stadsbeurs.example"}, "STADSBEURS_PUBLIC_URL"),
    ],
    ids=lambda value: str(value),
)
def test_production_refuses_what_is_for_development(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} .*; production refuses it"):
        settings(PRODUCTION, **changes)


def test_a_gateway_that_nobody_can_come_in_through_is_refused() -> None:
    with pytest.raises(ValidationError, match="must be set"):
        settings(LOCAL, stand_in_identity_key_file=None)


def test_signing_in_on_the_web_needs_an_issuer_and_a_way_back() -> None:
    with pytest.raises(ValidationError, match="STADSBEURS_PUBLIC_URL"):
        settings(PRODUCTION, environment="local", public_url=None, oidc_client_id="web")


@pytest.mark.parametrize("address", ["wallet:8101", "ftp://wallet", "http://", "http://wallet/?x=1", "/wallet"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="is not an address"):
        settings(LOCAL, wallet_url=address)


def test_production_has_no_way_in_for_the_stand_in_even_by_mistake() -> None:
    from joserfc.jwk import OKPKey

    from foundation.access import TokenVerifier

    verifier = TokenVerifier("stadsbeurs", {"stadsbeurs-stand-in": OKPKey.generate_key("Ed25519")})
    with pytest.raises(ValueError, match="no stand-in"):
        Callers(stand_in=verifier, provider=None, production=True)


def test_the_environment_is_where_settings_come_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in LOCAL.items():
        monkeypatch.setenv(f"STADSBEURS_{name.upper()}", str(value))
    monkeypatch.setenv("STADSBEURS_MUNICIPALITY_NAME", "Dordrecht")
    monkeypatch.setenv("STADSBEURS_OIDC_ISSUER", "")
    found = GatewaySettings()
    assert (found.municipality_name, found.oidc_issuer) == ("Dordrecht", None)
