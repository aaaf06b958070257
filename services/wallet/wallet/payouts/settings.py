"""Who pays and through which bank; production refuses the values that only a development machine may have."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Request
from pydantic import field_validator

from foundation.settings import Settings
from wallet.holders.rules import clean_iban

DEVELOPMENT_NAME = "Gemeente Voorbeeldstad"
DEVELOPMENT_IBAN = "NL66BNGH0123456789"


class PayoutSettings(Settings):
    """Read from `STADSBEURS_MUNICIPALITY_NAME`, `STADSBEURS_DEBTOR_IBAN` and `STADSBEURS_BANK`."""

    municipality_name: str = DEVELOPMENT_NAME
    debtor_iban: str = DEVELOPMENT_IBAN
    """The municipality's own account that payouts are taken from."""
    bank: Literal["stand-in", "files"] = "stand-in"
    """`files`: a person carries files to and from a real bank. `stand-in`: the bank in this program answers too."""

    @field_validator("debtor_iban")
    @classmethod
    def _is_an_iban(cls, value: str) -> str:
        iban = clean_iban(value)
        if iban is None:
            raise ValueError("is not an IBAN")
        return iban

    def development_defaults(self) -> dict[str, str]:
        named = {
            "municipality_name": (self.municipality_name == DEVELOPMENT_NAME, "names no municipality"),
            "debtor_iban": (self.debtor_iban == DEVELOPMENT_IBAN, "is an example account"),
            "bank": (self.bank == "stand-in", "is the stand-in bank"),
        }
        mine = {name: why for name, (is_default, why) in named.items() if is_default}
        return {**super().development_defaults(), **mine}


async def _settings(request: Request) -> PayoutSettings:
    settings: PayoutSettings = request.app.state.settings
    return settings


WithPayoutSettings = Annotated[PayoutSettings, Depends(_settings)]
"""What a route declares to know who pays; the application puts its settings on `app.state.settings`."""
