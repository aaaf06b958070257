"""What differs per environment."""

from __future__ import annotations

from foundation.settings import ServiceSettings


class BurgerbudgetSettings(ServiceSettings):
    wallet_url: str
    """Where the wallet answers, without a path."""
