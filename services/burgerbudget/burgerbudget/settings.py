"""What differs per environment."""

from __future__ import annotations

from burgerbudget.rules.notices import EXAMPLE_ADDRESS
from foundation.settings import ServiceSettings


class BurgerbudgetSettings(ServiceSettings):
    wallet_url: str
    """Where the wallet answers, without a path."""
    objection_address: str = EXAMPLE_ADDRESS
    """Where somebody who does not agree with a decision writes to; it stands in every notice."""

    def development_defaults(self) -> dict[str, str]:
        found = super().development_defaults()
        if self.objection_address == EXAMPLE_ADDRESS:
            found["objection_address"] = "is an example address"
        return found
