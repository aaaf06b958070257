"""Repaying through Stripe (SK-12). Amounts in cents."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from foundation.schemas import Amount, ApiModel, ApiOut


class PayIn(ApiModel):
    amount: Amount


class HostedOut(ApiOut):
    """A page of Stripe to send the borrower to."""

    id: UUID
    url: str


class PaymentOut(ApiOut):
    """A debit or an iDEAL payment; `about` is the due date that was debited, or the payment itself."""

    id: UUID
    method: Literal["sepa_debit", "ideal"]
    amount: int
    about: str
    state: Literal["pending", "processing", "succeeded", "failed", "cancelled", "bounced"]
    failure: str | None
    asked_on: date


class ReceivedOut(ApiOut):
    id: str
    repeated: bool
