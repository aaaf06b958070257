"""What differs per environment."""

from __future__ import annotations

from wallet_contract.settings import SchemeSettings

NAME = "belkosten"
"""What this service is called in tokens, addresses and queues."""


class BelkostenSettings(SchemeSettings):
    """Nothing beyond what every scheme must know."""
