"""What the stand-in must know, read from `STADSBEURS_<FIELD>`; production is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from foundation.settings import PREFIX, HoldsFile
from stripe_stand_in.store import Store


def _parts(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


class StandInSettings(BaseSettings):
    """Several addresses or secrets are written one after another, with a comma or a space between them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["local"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    stripe_stand_in_file: Annotated[Path, HoldsFile("the stand-in's own SQLite database", Store, made_later=True)]
    """Where everything is kept; a restart goes on with it."""
    stripe_key: SecretStr
    """The secret key that callers must show."""
    stripe_public_url: str
    """Where the hosted pages answer, as a browser sees it."""
    stripe_webhook_url: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parts)] = ()
    """Who is told of every event."""
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_parts)] = ()
    """What every message is signed with: two of them while one replaces the other."""
    stripe_settles_after_s: float | None = None
    """After how many seconds a debit or refund ends by itself; without it only when the control address says so."""

    @model_validator(mode="before")
    @classmethod
    def _not_in_production(cls, values: dict[str, Any]) -> dict[str, Any]:
        if values.get("environment") == "production":
            raise ValueError(
                f"{PREFIX}ENVIRONMENT is production, and this is a stand-in that makes payments up; set "
                f"{PREFIX}STRIPE_KEY to a key of Stripe there and leave the stand-in out"
            )
        return values

    @model_validator(mode="after")
    def _messages_are_signed(self) -> StandInSettings:
        if self.stripe_webhook_url and not self.stripe_webhook_secrets:
            raise ValueError(f"{PREFIX}STRIPE_WEBHOOK_SECRETS must be set where there is a webhook address")
        return self
