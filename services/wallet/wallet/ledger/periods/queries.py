"""Reading periods, and the books as they were on a value date or under a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session, col, select

from foundation.periods import Month
from wallet.ledger.models import PeriodClose, Proposal, ProposalDecision

CLOSING = "closing"


def close_of(db: Session, month: Month) -> PeriodClose | None:
    """Give the close of one month, where it was closed itself."""
    return db.get(PeriodClose, month.start)


def last_close(db: Session) -> PeriodClose | None:
    """Give the newest close: everything up to and with its month is closed."""
    return db.exec(select(PeriodClose).order_by(col(PeriodClose.month).desc()).limit(1)).first()


def closed_month_of(db: Session, day: date) -> str | None:
    """Give the month that a day falls in, where that is closed."""
    last = last_close(db)
    return str(Month.of(day)) if last is not None and Month.of(day) <= Month.of(last.month) else None


def open_journals(db: Session, month: Month) -> int:
    """Count the journals of one month by value date."""
    counted = text("SELECT count(*) FROM ledger.journal WHERE value_date BETWEEN :start AND :end")
    return int(db.execute(counted, {"start": month.start, "end": month.end}).scalar_one())


def months_before(db: Session, before: date | None, limit: int) -> Sequence[Row[Any]]:
    """Give months that were closed or have journals, newest first, with the number of journals."""
    return db.execute(
        text(
            """
            SELECT p.month, p.journals, p.closed_at IS NOT NULL AS closed
              FROM (SELECT c.month, c.journals, c.closed_at FROM ledger.period_close c
                    UNION ALL
                    SELECT date_trunc('month', j.value_date)::date, count(*), NULL FROM ledger.journal j
                     WHERE j.value_date > coalesce((SELECT max(month) + interval '1 month' - interval '1 day'
                                                      FROM ledger.period_close), '-infinity')
                     GROUP BY 1) p
             WHERE CAST(:before AS date) IS NULL OR p.month < :before
             ORDER BY p.month DESC LIMIT :limit
            """
        ),
        {"before": before, "limit": limit},
    ).all()


def closes_of(db: Session, months: Sequence[date]) -> dict[date, PeriodClose]:
    """Give the closes of these months."""
    return {close.month: close for close in db.exec(select(PeriodClose).where(col(PeriodClose.month).in_(months)))}


def proposed_closings(db: Session, month: Month) -> Sequence[Proposal]:
    """Give the proposals to close a month about which nobody decided yet, the oldest first."""
    decided = select(ProposalDecision.proposal_id).where(col(ProposalDecision.proposal_id) == Proposal.id)
    return db.exec(
        select(Proposal)
        .where(Proposal.subject == CLOSING, col(Proposal.posting)["month"].astext == str(month), ~decided.exists())
        .order_by(col(Proposal.proposed_at), col(Proposal.id))
    ).all()


@dataclass(frozen=True, slots=True)
class AsOf:
    """Which entries count: those sealed up to and with a block, with a value date up to and with a day; None: all."""

    block: int | None = None
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What was debited from and credited to one account, both as amounts of 0 and up."""

    asset: str
    address: str
    debit: int
    credit: int


def totals(db: Session, as_of: AsOf, address: str | None = None) -> Iterator[Totals]:
    """Add up each account that has entries then, or one, ordered by asset and address; streamed from the database.

    Begins at the newest closed month that lies wholly in what is asked, so that only what came after is added up: the
    entries of a closed month never change, and all are sealed under the block that its close names.
    """
    base = _base(db, as_of)
    of_one = "AND {0}.account_id = (SELECT id FROM ledger.account WHERE address = CAST(:address AS text))"
    sealed = "JOIN ledger.block_journal k ON k.journal_id = e.journal_id AND k.block_number <= :block"
    dated = "JOIN ledger.journal j ON j.id = e.journal_id"
    dated += " AND j.value_date > :closed_on" if base is not None else ""
    dated += " AND j.value_date <= :day" if as_of.day is not None else ""
    statement = f"""
        SELECT a.asset, a.address, t.debit, t.credit
          FROM (SELECT m.account_id, sum(m.debit) AS debit, sum(m.credit) AS credit
                  FROM (SELECT b.account_id, b.debit, b.credit FROM ledger.period_balance b
                         WHERE b.month = :base {of_one.format("b") if address else ""}
                        UNION ALL
                        SELECT e.account_id, coalesce(-sum(e.amount) FILTER (WHERE e.amount < 0), 0),
                               coalesce(sum(e.amount) FILTER (WHERE e.amount > 0), 0)
                          FROM ledger.entry e
                               {sealed if as_of.block is not None else ""}
                               {dated if base is not None or as_of.day is not None else ""}
                         WHERE true {of_one.format("e") if address else ""}
                         GROUP BY e.account_id) m
                 GROUP BY m.account_id) t
          JOIN ledger.account a ON a.id = t.account_id
         ORDER BY a.asset COLLATE "C", a.address COLLATE "C"
        """
    rows = db.execute(
        text(statement),
        {
            "base": base.start if base else None,
            "closed_on": base.end if base else None,
            "block": as_of.block,
            "day": as_of.day,
            "address": address,
        },
        execution_options={"yield_per": 5000},
    )
    for row in rows:
        yield Totals(row.asset, row.address, int(row.debit), int(row.credit))


def _base(db: Session, as_of: AsOf) -> Month | None:
    found = db.execute(
        text(
            "SELECT max(month) FROM ledger.period_close"
            " WHERE (CAST(:day AS date) IS NULL OR month + interval '1 month' <= CAST(:day AS date) + 1)"
            "   AND (CAST(:block AS bigint) IS NULL OR coalesce(block_number, 0) <= :block)"
        ),
        {"day": as_of.day, "block": as_of.block},
    ).scalar()
    return None if found is None else Month.of(found)


def block_is_there(db: Session, number: int) -> bool:
    """Tell whether a block is there; number 0 stands for the time before the first."""
    found = text("SELECT 1 FROM ledger.block WHERE number = :number")
    return number == 0 or db.execute(found, {"number": number}).first() is not None
