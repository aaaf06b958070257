"""What the stand-in must know, read from `STADSBEURS_<FIELD>`; production is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from foundation.access import read_signing_key
from foundation.clock import date_in
from foundation.settings import PREFIX, HoldsFile
from telecom_stand_in.store import Store


class TelecomSettings(BaseSettings):
    """Where the municipality is, who we are there, and what a minute costs with us."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["local"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    business_date_file: Annotated[Path | None, HoldsFile("a date such as 2026-10-01", date_in, made_later=True)] = None
    telecom_stand_in_file: Annotated[Path, HoldsFile("the stand-in's own SQLite database", Store, made_later=True)]
    """Where its calls are kept; a restart goes on with it."""
    telecom_gateway_url: str
    """The gateway of the municipality."""
    telecom_token_key_file: Annotated[Path, HoldsFile("a private Ed25519 key (JWK)", read_signing_key)]
    """The key of the local stand-in identity provider, with which it signs itself in."""
    telecom_token_issuer: str = "stadsbeurs-stand-in"  # noqa: S105 (a name)
    telecom_organisation: str = "telecom-stand-in"
    """What it is called in its tokens, and so in belkosten."""
    telecom_tariff: Annotated[int, Field(ge=0)] = 2300
    """What it asks for a minute, in 1/10,000 euro."""

    @model_validator(mode="before")
    @classmethod
    def _not_in_production(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("environment") == "production":
            raise ValueError(
                f"{PREFIX}ENVIRONMENT is production, and this is a stand-in that makes calls up; leave it out there"
            )
        return values
