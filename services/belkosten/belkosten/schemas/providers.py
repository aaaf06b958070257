"""Who is paid, and what sellers of call credit ask. An IBAN comes in and never goes out."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from belkosten.schemas.participants import Organisation
from foundation.schemas import Amount, ApiModel, ApiOut, Line

Offer = Literal["calls", "sim", "credit"]
ParticipantNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,9}$")]
"""So short that a telephone number never lands where a participant is named."""
PurchaseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class ProviderIn(ApiModel):
    """A provider or seller by the organisation in its token, and where it is paid."""

    organisation: Organisation
    name: Line
    offers: Annotated[list[Offer], Field(min_length=1, max_length=3)]
    iban: Annotated[SecretStr, Field(min_length=1, max_length=64)]


class ProviderOut(ApiOut):
    organisation: str
    name: str
    offers: list[Offer]
    payee_id: UUID
    iban_id: UUID


class ProvidersOut(ApiOut):
    items: list[ProviderOut]


class PurchaseIn(ApiModel):
    """What a seller sells, under an id of its own."""

    purchase_id: PurchaseId
    participant_number: ParticipantNumber
    amount: Amount


class PurchaseOut(ApiOut):
    """A purchase that is paid out of the purse, and owed to the seller."""

    id: UUID
    purchase_id: str
    participant_number: str
    amount: int
    state: Literal["asked", "booked", "refused"]
    bought_on: date
