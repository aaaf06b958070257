"""What goes in and out of the payees over HTTP. An IBAN comes in and goes out masked."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from foundation.schemas import ApiModel, ApiOut, Line
from wallet.holders.schemas import Secret

_ONE_LINE_WITH_A_SIGN = r"^[^\x00-\x1f\x7f]*[A-Za-z0-9][^\x00-\x1f\x7f]*$"
Reference = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=140, pattern=_ONE_LINE_WITH_A_SIGN)
]
"""What a payee recognises a payment by; with a letter or digit in it, so that something is left in a bank's letters."""


class PayeeIn(ApiModel):
    """A payee to register, under an id that its scheme made or one that is made here. Its IBAN counts as new."""

    id: UUID | None = None
    name: Line = Field(repr=False)
    iban: Secret
    reference: Reference | None = Field(default=None, repr=False)


class RegisteredPayeeOut(ApiOut):
    """A registered payee. Without the name: this answer is kept with the idempotency key.

    `state` is that of the IBAN: `proposed`, unless the same payee was registered before and somebody decided since.
    """

    id: UUID
    iban_id: UUID
    state: Literal["proposed", "confirmed", "refused"]


class PayeeConfirmationIn(ApiModel):
    iban_id: UUID


class ConfirmedIbanOut(ApiOut):
    """`usable_from` is the first day on which the payee can be paid there (PO-6)."""

    iban_id: UUID
    state: Literal["confirmed"] = "confirmed"
    usable_from: date


class PayeeBlockOut(ApiOut):
    payee: UUID
    blocked: bool
