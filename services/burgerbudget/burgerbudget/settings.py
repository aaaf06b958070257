"""What differs per environment."""

from __future__ import annotations

from wallet_contract.settings import SchemeSettings

NAME = "burgerbudget"
"""What this service is called in tokens, addresses and queues."""


class BurgerbudgetSettings(SchemeSettings):
    """Nothing beyond what every scheme service needs."""
