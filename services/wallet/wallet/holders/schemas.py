"""What goes in and out of the holders over HTTP. A BSN comes in and never goes out; an IBAN goes out masked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SecretStr, StringConstraints

from foundation.schemas import ApiModel, ApiOut, Day, Line, LongLine
from wallet.ledger.holds.schemas import HoldState

Secret = Annotated[SecretStr, Field(min_length=1, max_length=64)]
MAX_CONFIRMATIONS = 1_000
MAX_CHECKED = 100


class HolderIn(ApiModel):
    """A person to register. An IBAN given here counts as new: it is proposed, and somebody else confirms it."""

    display_name: Line = Field(repr=False)
    birth_date: Day | None = Field(default=None, repr=False)
    bsn: Secret | None = None
    iban: Secret | None = None


class RegisteredOut(ApiOut):
    """A registered person. Without the name: this answer is kept with the idempotency key."""

    id: UUID
    iban_id: UUID | None
    iban_state: Literal["proposed"] | None
    registered_on: date


class IbanIn(ApiModel):
    iban: Secret


class ProposedOut(ApiOut):
    """An act that a second person must confirm; `id` is what `/iban-confirmations` takes."""

    id: UUID
    state: Literal["proposed"] = "proposed"


class IbanConfirmationsIn(ApiModel):
    iban_ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_CONFIRMATIONS)]


class NotConfirmedOut(ApiOut):
    iban_id: UUID
    code: Literal["sameSubject", "unknownIban", "alreadyDecided"]


class IbanConfirmationsOut(ApiOut):
    """`confirmed` counts them; each of the others stands in `refused` with its code.

    All that were confirmed can be paid to from `usable_from` on; a payee's account that is no news, today.
    """

    confirmed: int
    refused: list[NotConfirmedOut]
    usable_from: date


class HolderCheckIn(ApiModel):
    """Ids that a scheme was given; any text, for what is no id of ours is unknown too."""

    holders: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=100)]],
        Field(min_length=1, max_length=MAX_CHECKED),
    ]


class HolderCheckOut(ApiOut):
    """Those of the ids that belong to nobody who is registered as a person."""

    unknown: list[str]


class ReasonIn(ApiModel):
    reason: LongLine


class RefusedIbanOut(ApiOut):
    id: UUID
    state: Literal["refused"] = "refused"


class BlockOut(ApiOut):
    holder_id: UUID
    blocked: bool


class IbanOut(ApiOut):
    """`replaced` is a confirmed IBAN of which a later one is usable now."""

    id: UUID
    iban: str
    state: Literal["proposed", "confirmed", "refused", "replaced"]
    proposed_by: str
    proposed_on: date
    confirmed_by: str | None
    usable_from: date | None


class HolderOut(ApiOut):
    id: UUID
    display_name: str
    birth_date: date | None
    bsn_known: bool
    blocked: bool
    registered_on: date
    ibans: list[IbanOut]


class PurseOut(ApiOut):
    purse: str
    asset: str
    balance: int
    held: int
    available: int


class HolderHoldOut(ApiOut):
    """An amount on a purse that waits for something: what for, how much of it is left, and until when at most."""

    id: UUID
    purse: str
    asset: str
    amount: int
    remaining: int
    state: HoldState
    purpose: str
    opened_at: datetime
    expires_at: datetime | None
    closed_at: datetime | None


class TransactionOut(ApiOut):
    """One entry on a purse; `explanation` is plain Dutch, made when it is read."""

    id: str
    kind: str
    amount: int
    asset: str
    purse: str
    balance_after: int
    value_date: date
    recorded_at: datetime
    explanation: str
    explanation_code: str | None
    reference: str | None
