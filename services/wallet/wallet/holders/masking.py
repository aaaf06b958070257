"""What of a vault is shown or remembered: an IBAN by its country and last four, a value by its keyed hash."""

from __future__ import annotations

from collections.abc import Sequence

from foundation.clock import business_date
from wallet.holders import queries
from wallet.holders.models import Iban
from wallet.holders.rules import masked_iban
from wallet.holders.schemas import IbanOut
from wallet.holders.vault import Vault, open_vault


def keyed(vault: Vault, name: str, value: str) -> str:
    """Give what stands for a secret where two requests are told apart: a plain hash of it would soon be guessed."""
    return vault.index(name, value).value.hex()


def ibans_out(ibans: Sequence[Iban]) -> list[IbanOut]:
    """Show one holder's IBANs, masked, each with what it is today."""
    vault, usable = open_vault(), queries.usable_iban(ibans, business_date())
    return [_iban_out(vault, iban, usable) for iban in ibans]


def _iban_out(vault: Vault, iban: Iban, usable: Iban | None) -> IbanOut:
    replaced = (
        usable is not None
        and iban.usable_from is not None
        and usable.usable_from is not None
        and (iban.usable_from, iban.id) < (usable.usable_from, usable.id)
    )
    return IbanOut.model_validate(
        {
            "id": iban.id,
            "iban": masked_iban(queries.opened(vault, iban)),
            "state": "replaced" if replaced else iban.state,
            "proposed_by": iban.proposed_by,
            "proposed_on": iban.proposed_on,
            "confirmed_by": iban.confirmed_by,
            "usable_from": iban.usable_from,
        }
    )
