"""What differs per environment."""

from __future__ import annotations

from wallet_contract.settings import SchemeSettings


class BurgerbudgetSettings(SchemeSettings):
    """Nothing beyond what every scheme service needs."""
