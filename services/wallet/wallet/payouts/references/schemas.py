"""What goes in and out of payment references over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from foundation.schemas import ApiModel, ApiOut
from wallet.ledger.schemas import Key
from wallet.payouts.references import clean_reference


def _as_registered(written: str) -> str:
    reference = clean_reference(written)
    if reference is None:
        raise ValueError("geen betalingskenmerk volgens ISO 11649, zoals RF18 5390 0754 7034")
    return reference


class PaymentReferenceIn(ApiModel):
    """A reference (ISO 11649) and what it is for, as the scheme calls it: an id, no name."""

    reference: Annotated[str, StringConstraints(max_length=50), AfterValidator(_as_registered)]
    subject: Key


class PaymentReferenceOut(ApiOut):
    reference: str
    scheme: str
    subject: str
