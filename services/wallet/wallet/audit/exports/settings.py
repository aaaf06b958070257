"""Who the auditfile is about; production refuses the value that only a development machine may have."""

from __future__ import annotations

from pydantic import field_validator
from stdnum.exceptions import ValidationError
from stdnum.nl import bsn

from wallet.payouts.settings import PayoutSettings

DEVELOPMENT_RSIN = "000000012"


class ExportSettings(PayoutSettings):
    """Read from `STADSBEURS_MUNICIPALITY_RSIN`, beside the municipality's name."""

    municipality_rsin: str = DEVELOPMENT_RSIN
    """The number (RSIN) under which the tax authority knows the municipality."""

    @field_validator("municipality_rsin")
    @classmethod
    def _is_an_rsin(cls, value: str) -> str:
        try:
            # An RSIN passes the same eleven test as a BSN.
            return str(bsn.validate(value))
        except ValidationError as error:
            raise ValueError("is not an RSIN: nine digits that pass the eleven test") from error

    def development_defaults(self) -> dict[str, str]:
        mine = {"municipality_rsin": "is an example number"} if self.municipality_rsin == DEVELOPMENT_RSIN else {}
        return {**super().development_defaults(), **mine}
