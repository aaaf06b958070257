"""Making a statement from what is sealed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import RowMapping
from sqlmodel import Session

from foundation.periods import Quarter
from wallet.audit.models import Block
from wallet.audit.queries import block, last_block
from wallet.audit.refusals import PartOfMonth, SealBroken
from wallet.audit.rules import ACCOUNT_FIELDS, encode_entry, leaf
from wallet.audit.statements import queries
from wallet.audit.statements.rules import Line, Period, PurseStatement, period_of, with_balances, with_totals
from wallet.holders.explanations import explanation
from wallet.holders.queries import holder
from wallet.ledger.queries import purses_of
from wallet.ledger.refusals import BlockNotThere
from wallet.ledger.rules import shown_as_total


@dataclass(frozen=True, slots=True)
class Statement:
    """What happened on a person's purses in a period, as of a block; `block` is None where nothing is sealed yet."""

    holder_id: UUID
    display_name: str
    period: Period
    block: Block | None
    purses: list[PurseStatement]


def statement_of(
    db: Session,
    holder_id: UUID,
    quarter: Quarter,
    today: date,
    as_of_block: int | None,
    *,
    whole_months_only: bool = False,
) -> Statement:
    """Make the statement of one quarter. An entry that is not sealed yet is not on it; a second later it is.

    Raises `HolderNotFound`, `BlockNotThere`, and `SealBroken` where an entry is not as it was sealed: such a
    statement would prove what never was. With `whole_months_only` also `PartOfMonth` for a block under which a month that is
    shown in total was not complete: statements of one block after the other would tell its entries one by one.
    """
    person = holder(db, holder_id)
    sealed = last_block(db) if as_of_block is None else block(db, as_of_block)
    if sealed is None and as_of_block is not None:
        raise BlockNotThere(as_of_block)
    period = period_of(quarter, today)
    purses = [row for row in purses_of(db, f"holder:{holder_id}") if row.purse is not None]
    cut = ([purse.id for purse in purses], period.first, period.last, sealed.number if sealed else 0)
    totals = {purse.id: total for purse in purses if (total := shown_as_total(purse.purse)) is not None}
    cut_short = as_of_block is not None and whole_months_only
    if cut_short and any(queries.has_later(db, purse, total.kind, *cut[1:]) for purse, total in totals.items()):
        raise PartOfMonth
    opening = queries.balances_before(db, *cut)
    lines: dict[int, list[Line]] = defaultdict(list)
    for row in queries.entries(db, *cut):
        lines[row["account_id"]].append(_line(row))
    scales = queries.scales(db)
    return Statement(
        holder_id,
        person.display_name,
        period,
        sealed,
        [
            PurseStatement(
                purse.purse or "",
                purse.asset,
                scales[purse.asset],
                opening.get(purse.id, 0),
                with_balances(
                    opening.get(purse.id, 0),
                    with_totals(purse.purse or "", lines[purse.id], totals.get(purse.id), explanation),
                ),
            )
            for purse in purses
            # A purse of later days is not on the paper of earlier ones.
            if purse.id in opening or lines[purse.id]
        ],
    )


def _line(row: RowMapping) -> Line:
    terms = {name: row[f"account_{name}"] for name in ACCOUNT_FIELDS}
    hashed = leaf(encode_entry(dict(row), terms))
    if hashed != bytes(row["sealed_leaf"]):
        raise SealBroken
    return Line(
        f"{row['journal_id']}-{row['line']}",
        row["value_date"],
        explanation(row["explanation"], row["reference"], row["kind"]),
        row["explanation"],
        row["kind"],
        row["reference"],
        row["amount"],
        0,
        row["block_number"],
        hashed,
    )
