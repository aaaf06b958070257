"""Settings from the environment; production refuses what only a development machine may have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "STADSBEURS_"


class Settings(BaseSettings):
    """What every process needs to know; each field is read from `STADSBEURS_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["local", "production"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    business_date_file: Path | None = None
    signing_key_file: Path
    """The private Ed25519 key (JWK) with which this process signs its own tokens."""
    trusted_keys_file: Path
    """The public keys (JWKS) of those whose tokens this process accepts; `kid` is the issuer's name."""

    @model_validator(mode="after")
    def _production_refuses_development_defaults(self) -> Self:
        if self.environment == "production":
            for name, why in self.development_defaults().items():
                raise ValueError(f"{PREFIX}{name.upper()} {why}; production refuses it")
        return self

    def development_defaults(self) -> dict[str, str]:
        """Name the settings that now have a value fit for development only, with the reason."""
        return {"business_date_file": "holds the business date still"} if self.business_date_file else {}


class ServiceSettings(Settings):
    """What a service with a database needs."""

    database_url: SecretStr
    redis_url: SecretStr
    database_pool_size: int = 10


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Read the settings; what is missing or wrong ends the process with one sentence a line, no traceback."""
    try:
        return kind()
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = PREFIX + "_".join(str(part) for part in fault["loc"]).upper() if fault["loc"] else ""
            text = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
            print(f"Setting {name} {text}." if name else f"Setting {text}.", file=sys.stderr)
        raise SystemExit(2) from None
