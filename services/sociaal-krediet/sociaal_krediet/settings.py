"""What differs per environment."""

from __future__ import annotations

from pydantic import SecretStr

from wallet_contract.settings import SchemeSettings

DEVELOPMENT_NAME = "Gemeente Voorbeeldstad"

NAME = "sociaal-krediet"
"""What this service is called in tokens, addresses and queues."""


class SociaalKredietSettings(SchemeSettings):
    stripe_key: SecretStr | None = None
    """The secret key at Stripe; without it nothing is collected through Stripe."""
    stripe_webhook_secrets: SecretStr | None = None
    """The secrets under Stripe's messages, separated by commas or spaces: two while one is being replaced."""
    stripe_url: str | None = None
    """Where a stand-in of Stripe answers; production refuses one."""
    municipality_name: str = DEVELOPMENT_NAME
    """What stands above letters."""
    public_url: str = "http://127.0.0.1:8000"
    """The address that people type: where Stripe's pages send them back to."""

    def development_defaults(self) -> dict[str, str]:
        found = super().development_defaults()
        if self.stripe_url is not None:
            found["stripe_url"] = "names a stand-in of Stripe, which collects nothing"
        if self.municipality_name == DEVELOPMENT_NAME:
            found["municipality_name"] = "names no municipality"
        if not self.public_url.startswith("https://"):
            found["public_url"] = "is not an https address"
        return found

    def webhook_secrets(self) -> list[str]:
        """Give the secrets under Stripe's messages."""
        value = self.stripe_webhook_secrets.get_secret_value() if self.stripe_webhook_secrets else ""
        return value.replace(",", " ").split()
