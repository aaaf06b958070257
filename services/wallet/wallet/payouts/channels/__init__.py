"""The ways that money leaves by: what a channel gets and what it must promise.

A channel is handed a frozen batch (`Payment`s in line order) and makes what the outside party reads. It gives the
same bytes for the same batch for ever, so that a download can be compared with what two people approved.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class Order:
    """What a batch says about all its payments."""

    message_id: str
    created_at: datetime
    execute_on: date
    debtor_name: str
    debtor_iban: str
    purpose: str
    payments: int
    total: int
    """Cents; the sum of the payments."""


@dataclass(frozen=True, slots=True, repr=False)
class Payment:
    """One payment: amount in cents. Has no repr, because it carries a name and an IBAN.

    A `creditor_reference` (ISO 11649) goes in place of the remittance, where the creditor's machines read it.
    """

    end_to_end_id: str
    amount: int
    creditor_name: str
    creditor_iban: str
    remittance: str
    creditor_reference: str | None = None


class Channel(Protocol):
    """Writes a batch for one kind of outside party."""

    name: str

    def write(self, order: Order, payments: Iterable[Payment], target: BinaryIO) -> None:
        """Write the batch; raises `ControlTotalWrong` when the payments are not what the order says."""


class ControlTotalWrong(Exception):
    """The payments handed over are not those that the batch counts: nothing may leave."""
