"""A statement as JSON: the same content as the paper."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from foundation.schemas import ApiOut
from wallet.audit.statements.actions import Statement
from wallet.audit.statements.rules import PurseStatement


class StatementLineOut(ApiOut):
    """One entry; `id` is the transfer's, whose proof has this very `leaf`.

    Or the `entries` of a month that are shown in total: `leaf` is SHA-256 over theirs, in their order.
    """

    id: str
    value_date: date
    kind: str
    explanation: str
    explanation_code: str | None
    reference: str | None
    amount: int
    balance: int
    block: int
    leaf: str
    entries: int


class PurseStatementOut(ApiOut):
    purse: str
    asset: str
    opening_balance: int
    closing_balance: int
    entries: list[StatementLineOut]

    @classmethod
    def of(cls, purse: PurseStatement) -> PurseStatementOut:
        return cls(
            purse=purse.purse,
            asset=purse.asset,
            opening_balance=purse.opening,
            closing_balance=purse.closing,
            entries=[
                StatementLineOut(
                    id=line.id,
                    value_date=line.value_date,
                    kind=line.kind,
                    explanation=line.explanation,
                    explanation_code=line.explanation_code,
                    reference=line.reference,
                    amount=line.amount,
                    balance=line.balance,
                    block=line.block,
                    leaf=line.leaf.hex(),
                    entries=line.entries,
                )
                for line in purse.lines
            ],
        )


class StatementOut(ApiOut):
    """`to` is the last day that is in it: of a quarter that is not over (`provisional`) that is today."""

    holder_id: UUID
    display_name: str = Field(repr=False)
    quarter: str
    from_: date = Field(alias="from")
    to: date
    provisional: bool
    as_of_block: int | None
    as_of_header: str | None
    sealed_at: datetime | None
    purses: list[PurseStatementOut]

    @classmethod
    def of(cls, statement: Statement) -> StatementOut:
        block, period = statement.block, statement.period
        return cls(
            holder_id=statement.holder_id,
            display_name=statement.display_name,
            quarter=str(period.quarter),
            from_=period.first,
            to=period.last,
            provisional=period.provisional,
            as_of_block=block.number if block else None,
            as_of_header=block.header.hex() if block else None,
            sealed_at=block.sealed_at if block else None,
            purses=[PurseStatementOut.of(purse) for purse in statement.purses],
        )
