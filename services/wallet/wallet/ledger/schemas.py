"""What goes in and out of the ledger over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from foundation.schemas import Amount, ApiModel, ApiOut, Day, Line, LongLine
from wallet.ledger.postings import EUR, MAX_TRANSFERS, Posted, Transfer

_NO_CONTROL = r"^[^\x00-\x1f\x7f]+$"
Address = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*(:[A-Za-z0-9-]+)+$", max_length=200)]
AssetCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{1,11}$")]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_NO_CONTROL)]
FundCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class TransferIn(ApiModel):
    source: Address
    destination: Address
    amount: Amount
    asset: AssetCode = EUR
    grant_key: Key | None = None
    reference: Key | None = None
    explanation: Key | None = None
    hold_id: UUID | None = None

    def transfer(self) -> Transfer:
        return Transfer(
            self.source,
            self.destination,
            self.amount,
            self.asset,
            self.grant_key,
            self.reference,
            self.explanation,
            self.hold_id,
        )


class TransfersIn(ApiModel):
    """1 to 10,000 transfers, posted all or none; a person must give a reason.

    A service may say what becomes of what was decided before a month closed and arrives `late`: booked on the first
    open day, with its own value date in the reason. Without it such a posting is refused. The holds in `releases`, a
    service's own, are let go of after the posting; those that are closed already stay as they are.
    """

    kind: Kind
    value_date: Day | None = None
    late: Literal["firstOpenDay"] | None = None
    decision: Line | None = None
    reason: LongLine | None = None
    transfers: list[TransferIn]
    releases: Annotated[list[UUID], Field(default_factory=list, max_length=MAX_TRANSFERS)]


class TransferIdOut(ApiOut):
    id: str


class PostedOut(ApiOut):
    """`id` is the journal's; `transfers` stand in the order in which they were asked."""

    id: str
    transfers: list[TransferIdOut]

    @classmethod
    def of(cls, posted: Posted) -> Self:
        return cls(id=str(posted.journal_id), transfers=[TransferIdOut(id=each) for each in posted.transfer_ids])


class ProposedOut(ApiOut):
    id: UUID
    state: Literal["proposed"] = "proposed"


class DecidedOut(ApiOut):
    """What became of a proposal; `journal_id` where it was posted."""

    id: UUID
    state: Literal["confirmed", "rejected"]
    journal_id: str | None
    transfers: list[TransferIdOut]

    @classmethod
    def confirmed(cls, proposal_id: UUID, posted: Posted) -> Self:
        transfers = [TransferIdOut(id=each) for each in posted.transfer_ids]
        return cls(id=proposal_id, state="confirmed", journal_id=str(posted.journal_id), transfers=transfers)

    @classmethod
    def rejected(cls, proposal_id: UUID) -> Self:
        return cls(id=proposal_id, state="rejected", journal_id=None, transfers=[])


class ProposalOut(ApiOut):
    id: UUID
    subject: Literal["transfer", "deposit", "reversal"]
    state: Literal["proposed", "confirmed", "rejected"]
    kind: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    rejection: str | None
    journal_id: str | None
    transfers: list[TransferIn]
    reverses: str | None = None
    receivable: bool | None = None


class RejectionIn(ApiModel):
    reason: LongLine


class ConfirmationIn(ApiModel):
    """Nothing to say: the proposal is carried out as it was made."""


class ReversalOut(ApiOut):
    """A transfer that took (a part of) another back."""

    id: str
    amount: int


class TransferOut(ApiOut):
    """One transfer; either side is null where its line is merged with those of other transfers.

    `reverses` is the transfer that it takes back, `reversed_by` what took it back, `reversed_amount` how much in all.
    """

    id: str
    journal_id: str
    kind: str
    source: str | None
    destination: str | None
    amount: int
    asset: str
    grant_key: str | None
    reference: str | None
    explanation: str | None
    hold_id: UUID | None
    value_date: date
    recorded_at: datetime
    actor: str
    on_behalf_of: str | None
    decision: str | None
    reason: str | None
    reverses: str | None
    reversed_by: list[ReversalOut]
    reversed_amount: int


class JournalOut(ApiOut):
    """One business event with all its transfers."""

    id: str
    kind: str
    value_date: date
    recorded_at: datetime
    actor: str
    on_behalf_of: str | None
    decision: str | None
    reason: str | None
    transfers: list[TransferOut]


class FundIn(ApiModel):
    code: FundCode
    name: Line
    asset: AssetCode = EUR


class FundOut(ApiOut):
    code: str
    name: str
    address: str
    asset: str
    balance: int
    held: int
    available: int


class DepositIn(ApiModel):
    amount: Amount
    reference: Key
    reason: LongLine


class AccountOut(ApiOut):
    """`available` is what can still be spent; null where the account has no floor."""

    address: str
    asset: str
    kind: str
    purse: str | None
    balance: int
    held: int
    available: int | None
    entries: int
    opened_at: datetime
    closed_at: datetime | None


class AccountThenOut(ApiOut):
    """An account as its entries made it, under a block, on a value date, or both; holds are not entries."""

    address: str
    asset: str
    kind: str
    purse: str | None
    balance: int
    debit: int
    credit: int


class AccountTransactionOut(ApiOut):
    """One entry of an account; `counter_account` is null where several transfers share the line."""

    id: str
    kind: str
    amount: int
    asset: str
    balance_after: int
    value_date: date
    recorded_at: datetime
    explanation: str | None
    reference: str | None
    counter_account: str | None
    grant_key: str | None
    actor: str
    decision: str | None
