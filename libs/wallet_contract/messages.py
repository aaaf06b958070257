"""What may be asked of the wallet, as values that know their own JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

MAX_TRANSFERS = 10_000
"""The most transfers that one request may hold; they are posted all or none."""

MAX_RELEASES = 10_000
"""The most holds that one request may let go of beside its transfers."""

MAX_HOLDS = 200
"""The most holds that may be asked for at once; each is had or refused by itself."""

MAX_BALANCES = 200
"""The most accounts that may be asked for at once."""

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
        return body | _given(self, _OPTIONAL)


def _given(message: object, names: Mapping[str, str]) -> dict[str, Any]:
    values = {key: getattr(message, name) for name, key in names.items()}
    return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class PostTransfers:
    """One business event: up to `MAX_TRANSFERS` transfers, posted all or none.

    It may arrive long after it was decided: if its month is closed by then it is booked on the first open day. Own holds in
    `releases` (at most `MAX_RELEASES` ids) are let go of with it; those that are closed already stay as they are.
    """

    kind: str
    value_date: date
    transfers: Sequence[TransferLine]
    decision: str | None = None
    releases: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "kind": self.kind,
            "valueDate": self.value_date.isoformat(),
            "late": "firstOpenDay",
            "transfers": [line.as_json() for line in self.transfers],
        }
        if self.decision is not None:
            body["decision"] = self.decision
        if self.releases:
            body["releases"] = list(self.releases)
        return body


@dataclass(frozen=True, slots=True)
class OpenHold:
    """Set an amount on an account apart, so that nothing else can spend it.

    With a `minimum` (from 1 to `amount`) as much is set apart as is available, and at least that. After `expires_at`, an
    instant with its zone, what remains of it is given back.
    """

    account: str
    amount: int
    purpose: str
    asset: str = "EUR"
    minimum: int | None = None
    expires_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "account": self.account,
            "amount": self.amount,
            "asset": self.asset,
            "purpose": self.purpose,
        }
        if self.minimum is not None:
            body["minimum"] = self.minimum
        if self.expires_at is not None:
            body["expiresAt"] = self.expires_at.isoformat()
        return body


@dataclass(frozen=True, slots=True)
class CaptureHold:
    """Pay a part of a hold, or all that remains of it; after a `final` one what remains is given back.

    It may arrive late, as `PostTransfers` may. `reference` and `explanation` are as those of a `TransferLine`.
    """

    destination: str
    amount: int
    kind: str
    value_date: date
    grant_key: str | None = None
    reference: str | None = None
    explanation: str | None = None
    final: bool = False

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "destination": self.destination,
            "amount": self.amount,
            "kind": self.kind,
            "valueDate": self.value_date.isoformat(),
            "late": "firstOpenDay",
            "final": self.final,
        }
        return body | _given(self, {name: key for name, key in _OPTIONAL.items() if name != "hold_id"})
