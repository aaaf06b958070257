"""What may be asked of the wallet, as values that know their own JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

MAX_TRANSFERS = 10_000
"""The most transfers that one request may hold; they are posted all or none."""

_OPTIONAL = {"grant_key": "grantKey", "reference": "reference", "explanation": "explanation", "hold_id": "holdId"}


@dataclass(frozen=True, slots=True)
class TransferLine:
    """One movement of an amount (above 0, in the asset's smallest unit) from one account to another.

    `grant_key` is unique for ever: it stops the same entitlement from being posted twice. `reference` holds ids
    only and `explanation` a code: both are sealed with the entry, so neither may hold personal data.
    """

    source: str
    destination: str
    amount: int
    asset: str = "EUR"
    grant_key: str | None = None
    reference: str | None = None
    explanation: str | None = None
    hold_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "source": self.source,
            "destination": self.destination,
            "amount": self.amount,
            "asset": self.asset,
        }
        for name, key in _OPTIONAL.items():
            value = getattr(self, name)
            if value is not None:
                body[key] = value
        return body


@dataclass(frozen=True, slots=True)
class PostTransfers:
    """One business event: up to `MAX_TRANSFERS` transfers, posted all or none.

    It may arrive long after it was decided: if its month is closed by then it is booked on the first open day.
    """

    kind: str
    value_date: date
    transfers: Sequence[TransferLine]
    decision: str | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "kind": self.kind,
            "valueDate": self.value_date.isoformat(),
            "late": "firstOpenDay",
            "transfers": [line.as_json() for line in self.transfers],
        }
        if self.decision is not None:
            body["decision"] = self.decision
        return body


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Set an amount on an account apart, so that nothing else can spend it."""

    account: str
    amount: int
    purpose: str
    asset: str = "EUR"

    def as_json(self) -> dict[str, Any]:
        return {"account": self.account, "amount": self.amount, "asset": self.asset, "purpose": self.purpose}
