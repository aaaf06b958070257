"""Collecting repayments: what any payment provider must do for us, and what it may know (SK-9, SK-12).

The provider gets opaque ids of ours and amounts; no name, no citizen number and no name of a scheme. Whoever pays tells
their own name and account on the provider's page, and we never see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from uuid import UUID

from foundation.money import Cents

SMALLEST_AMOUNT = Cents(50)
"""What Stripe takes at least of a payment in euros; less is paid by bank transfer."""

PaymentMethod = Literal["sepa_debit", "ideal"]


@dataclass(frozen=True, slots=True)
class HostedPage:
    """A page of the provider on which a person pays or authorises, and the id under which it tells the outcome."""

    session: str
    url: str


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit that the provider took on; `state` is `processing`, or the provider's word for where it stands."""

    payment_intent: str
    state: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund that the provider took on; `state` is `pending`, `succeeded` or the provider's word for another."""

    refund: str
    state: str


class Collector(Protocol):
    """A payment provider. The outcome of everything asked here comes later, as events.

    Every call takes an idempotency key: the same key and content is one request however often it is sent. Raises
    `DeliveryRefused` when the provider said no and `DeliveryFailed` when it is not known whether it did it.
    """

    def create_customer(self, loan: UUID, *, key: str) -> str:
        """Open an anonymous customer, under whom the mandate for one loan is kept; gives its id."""

    def mandate_session(self, customer: str, loan: UUID, *, success_url: str, cancel_url: str, key: str) -> HostedPage:
        """Open a page on which the borrower authorises debits for a loan."""

    def payment_session(
        self,
        payment: UUID,
        loan: UUID,
        amount: Cents,
        methods: Sequence[PaymentMethod],
        *,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> HostedPage:
        """Open a page on which somebody pays one amount, by one of these methods."""

    def debit(
        self,
        payment: UUID,
        loan: UUID,
        amount: Cents,
        *,
        customer: str,
        payment_method: str,
        mandate: str | None,
        key: str,
    ) -> Debit:
        """Debit an account under its mandate, without the borrower being there."""

    def refund(self, payment_intent: str, amount: Cents, *, key: str) -> GivenBack:
        """Give (part of) a payment back to the account that it came from."""
