"""What every scheme service needs to know of its surroundings."""

from __future__ import annotations

from foundation.objections import EXAMPLE_ADDRESS
from foundation.settings import ServiceSettings


class SchemeSettings(ServiceSettings):
    """The settings of a service that decides about people and has the wallet move the money."""

    wallet_url: str
    """Where the wallet answers, without a path."""
    objection_address: str = EXAMPLE_ADDRESS
    """Where somebody who does not agree with a decision writes to; it stands in every notice."""

    def development_defaults(self) -> dict[str, str]:
        found = super().development_defaults()
        if self.objection_address == EXAMPLE_ADDRESS:
            found["objection_address"] = "is an example address"
        return found
