"""What goes out of the payees over HTTP. An account goes out masked."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from foundation.schemas import ApiOut
from wallet.holders.schemas import IbanOut
from wallet.payouts.schemas import LineStateName

SchemeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class PayableOut(ApiOut):
    """What a payee is owed for what was spent or lent out of one kind of purse; `held` of it is in a batch."""

    purse: str
    asset: str
    balance: int
    held: int


class PaymentOut(ApiOut):
    batch_id: UUID
    line_id: UUID
    purse: str
    state: LineStateName
    amount: int
    asset: str
    reason: str | None
    reason_text: str | None


class PayeeOut(ApiOut):
    """A payee; `payments` are its newest, newest first."""

    id: UUID
    name: str
    reference: str | None
    scheme: str | None
    blocked: bool
    registered_on: date
    ibans: list[IbanOut]
    payables: list[PayableOut]
    payments: list[PaymentOut]
