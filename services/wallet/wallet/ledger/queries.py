"""Reading the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlmodel import Session, col, select

from foundation.pages import decode_cursor, encode_cursor
from foundation.periods import Month
from wallet.ledger.models import Fund, Proposal, ProposalDecision
from wallet.ledger.rules import MonthTotal, shown_as_total


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its balance, in the smallest unit; `available` is None where there is no floor."""

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
    id: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """One entry on one purse of an owner; `amount` is signed, `explanation` is the code that was sealed.

    Or what is shown of a month in total: `reference` is the month then, and `balance_after` what stood after its newest.
    """

    id: str
    kind: str
    amount: int
    asset: str
    purse: str
    balance_after: int
    value_date: date
    recorded_at: datetime
    explanation: str | None
    reference: str | None


_ACCOUNT = """
    SELECT a.address, a.asset, a.kind, a.purse, b.posted AS balance, b.held, b.posted - b.held - b.floor AS available,
           b.version AS entries, a.opened_at, a.closed_at, a.id
      FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id
"""
# Above every character that an address can have: what starts with a prefix lies between the prefix and this.
_LAST = "\U0010ffff"


def account(db: Session, address: str) -> AccountRow | None:
    """Give one account."""
    statement = text(f'{_ACCOUNT} WHERE a.address = CAST(:address AS text) COLLATE "C"')
    row = db.execute(statement, {"address": address}).first()
    return None if row is None else AccountRow(*row)


def accounts_after(db: Session, prefix: str, after: str | None, limit: int) -> list[AccountRow]:
    """Give accounts whose address starts with a prefix, by address."""
    rows = db.execute(
        text(
            f'{_ACCOUNT} WHERE a.address >= CAST(:prefix AS text) COLLATE "C"'
            '   AND a.address < CAST(:last AS text) COLLATE "C"'
            '   AND a.address > CAST(:after AS text) COLLATE "C" ORDER BY a.address LIMIT :limit'
        ),
        {"prefix": prefix, "last": prefix + _LAST, "after": after or "", "limit": limit},
    )
    return [AccountRow(*row) for row in rows]


def purses_of(db: Session, owner: str) -> list[AccountRow]:
    """Give the purses that an owner such as `holder:<id>` has, by name."""
    return accounts_after(db, f"{owner}:", None, 100)


def transactions_of(
    db: Session,
    owner: str,
    purse: str | None = None,
    from_: date | None = None,
    to: date | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> tuple[list[Transaction], str | None]:
    """Give a page of the entries on an owner's purses, newest first, with the cursor of the next page.

    Each purse is read backwards along its own chain, and the cursor keeps where each chain was left: a page costs the
    same at the top and far down, with a thousand entries in the ledger or ten million. What is shown in totals
    (`rules.SHOWN_AS_TOTALS`) is one transaction a month, where its newest entry is, and is added up over the whole month
    whatever days are asked: a page costs all entries of such a purse. A month that grows while somebody turns pages moves
    to the top, where they read it when they begin again.
    """
    position = decode_cursor(cursor, read=dict)
    read: dict[str, int] = position["read"] if position else {}
    purses = [row for row in purses_of(db, owner) if purse in (None, row.purse)]
    bounds = {row.id: _version_before(read, str(row.id)) for row in purses}
    totals = {row.id: total for row in purses if (total := shown_as_total(row.purse)) is not None}
    values: dict[str, Any] = {
        "ids": list(bounds),
        "bounds": list(bounds.values()),
        "from": from_,
        "to": to,
        "limit": limit + 1,
    }
    if totals:
        values |= {"totalled": list(totals), "kinds": [total.kind for total in totals.values()]}
    rows = db.execute(_TRANSACTIONS_WITH_TOTALS if totals else _TRANSACTIONS, values).all()
    for row in rows[:limit]:
        bounds[row.account_id] = row.version
    left = {str(account_id): bound for account_id, bound in bounds.items()}
    next_cursor = encode_cursor({"read": left}) if len(rows) > limit else None
    return [_transaction(row, totals.get(row.account_id)) for row in rows[:limit]], next_cursor


def _transaction(row: Row[Any], total: MonthTotal | None) -> Transaction:
    if row.total is None or total is None:
        shown: tuple[Any, ...] = tuple(row)[3:]
        return Transaction(*shown)
    month = str(Month.of(row.value_date))
    # Not the id of an entry: behind that stands one call.
    return Transaction(
        id=f"{row.purse}-{month}",
        kind=total.shown_as,
        amount=row.total,
        asset=row.asset,
        purse=row.purse,
        balance_after=row.balance_after,
        value_date=row.value_date,
        recorded_at=row.recorded_at,
        explanation=total.explanation,
        reference=month,
    )


def _transactions(total: str, with_: str = "", where: str = "") -> TextClause:
    return text(
        f"""
        {with_}
        SELECT a.id AS account_id, e.version, {total} AS total, e.journal_id || '-' || e.line AS id, e.kind, e.amount, a.asset,
               a.purse, e.balance_after, e.value_date, e.recorded_at, e.explanation, e.reference
          FROM unnest(CAST(:ids AS bigint[]), CAST(:bounds AS bigint[])) u(id, bound)
          JOIN ledger.account a ON a.id = u.id
         CROSS JOIN LATERAL (
            SELECT e.*, j.kind, j.value_date, j.recorded_at
              FROM ledger.entry e JOIN ledger.journal j ON j.id = e.journal_id
             WHERE e.account_id = u.id AND e.version < u.bound
               AND (CAST(:from AS date) IS NULL OR j.value_date >= :from)
               AND (CAST(:to AS date) IS NULL OR j.value_date <= :to)
               {where}
             ORDER BY e.version DESC LIMIT :limit) e
         ORDER BY e.journal_id DESC, e.line DESC LIMIT :limit
        """
    )


_TRANSACTIONS = _transactions("CAST(NULL AS bigint)")
# Of an entry that is in a total only the newest of its month stays, and stands for all of them.
_TRANSACTIONS_WITH_TOTALS = _transactions(
    "(SELECT t.amount FROM total t WHERE t.account_id = a.id AND t.version = e.version)",
    """
    WITH shown AS (
        SELECT s.account_id, s.kind
          FROM unnest(CAST(:totalled AS bigint[]), CAST(:kinds AS text[])) s(account_id, kind)
    ), total AS MATERIALIZED (
        SELECT s.account_id, max(e.version) AS version, sum(e.amount)::bigint AS amount
          FROM shown s
         CROSS JOIN LATERAL (
            SELECT e.version, e.amount, j.value_date
              FROM ledger.entry e JOIN ledger.journal j ON j.id = e.journal_id
             WHERE e.account_id = s.account_id AND j.kind = s.kind) e
         GROUP BY s.account_id, date_trunc('month', e.value_date)
    )
    """,
    """
               AND (NOT EXISTS (SELECT FROM shown s WHERE s.account_id = u.id AND s.kind = j.kind)
                    OR e.version = ANY (ARRAY(SELECT t.version FROM total t WHERE t.account_id = u.id)))
    """,
)


_NO_BOUND = 2**63 - 1


def _version_before(read: dict[str, Any], account_id: str) -> int:
    bound = read.get(account_id, _NO_BOUND)
    return bound if isinstance(bound, int) and 0 <= bound <= _NO_BOUND else 0


def account_transactions(
    db: Session, account_id: int, before: int | None, as_of_block: int | None, as_of_date: date | None, limit: int
) -> Sequence[Row[Any]]:
    """Give entries of one account, newest first, as they were after a block or on a value date."""
    # The block is asked in a subquery, which is one look into its index per entry; a join would read all blocks.
    return db.execute(
        text(
            """
            SELECT e.version, e.journal_id || '-' || e.line AS id, j.kind, e.amount, a.asset, e.balance_after,
                   j.value_date, j.recorded_at, e.explanation, e.reference, c.address AS counter_account, e.grant_key,
                   j.actor, j.decision
              FROM ledger.entry e
              JOIN ledger.journal j ON j.id = e.journal_id
              JOIN ledger.account a ON a.id = e.account_id
              LEFT JOIN ledger.account c ON c.id = e.counter_account_id
             WHERE e.account_id = :account AND e.version < :before
               AND (CAST(:as_of_date AS date) IS NULL OR j.value_date <= :as_of_date)
               AND (CAST(:as_of_block AS bigint) IS NULL OR (
                    SELECT b.block_number FROM ledger.block_journal b WHERE b.journal_id = j.id) <= :as_of_block)
             ORDER BY e.version DESC LIMIT :limit
            """
        ),
        {
            "account": account_id,
            "before": _NO_BOUND if before is None else before,
            "as_of_block": as_of_block,
            "as_of_date": as_of_date,
            "limit": limit,
        },
    ).all()


def transfers_in(db: Session, journal_id: int, number: int | None = None) -> Sequence[Row[Any]]:
    """Give the transfers of a journal, or the one with this number (from 1), each from its unmerged lines.

    Where both sides have a line of their own, the destination's speaks for the transfer.
    """
    return db.execute(
        text(
            """
            SELECT DISTINCT ON ((e.line + 1) / 2)
                   e.journal_id, e.line, j.kind, abs(e.amount) AS amount, a.asset,
                   CASE WHEN e.amount > 0 THEN c.address ELSE a.address END AS source,
                   CASE WHEN e.amount > 0 THEN a.address ELSE c.address END AS destination,
                   e.grant_key, e.reference, e.explanation, e.hold_id, j.value_date, j.recorded_at, j.actor,
                   j.on_behalf_of, j.decision, j.reason, e.reversed_journal_id || '-' || e.reversed_line AS reverses,
                   (SELECT json_agg(json_build_object('id', r.journal_id || '-' || r.line, 'amount', abs(r.amount))
                                    ORDER BY r.journal_id, r.line)
                      FROM ledger.entry r
                     WHERE r.reversed_journal_id = e.journal_id AND r.reversed_line = e.line) AS reversed_by
              FROM ledger.entry e
              JOIN ledger.journal j ON j.id = e.journal_id
              JOIN ledger.account a ON a.id = e.account_id
              JOIN ledger.account c ON c.id = e.counter_account_id
             WHERE e.journal_id = :journal
               AND (CAST(:number AS int) IS NULL OR e.line IN (2 * :number - 1, 2 * :number))
             ORDER BY (e.line + 1) / 2, e.line DESC
            """
        ),
        {"journal": journal_id, "number": number},
    ).all()


def has_line(db: Session, journal_id: int, line: int) -> bool:
    """Tell whether a journal has this line."""
    found = text("SELECT 1 FROM ledger.entry WHERE journal_id = :journal AND line = :line")
    return db.execute(found, {"journal": journal_id, "line": line}).first() is not None


def fund(db: Session, code: str) -> Fund | None:
    """Give one fund."""
    return db.get(Fund, code)


def proposal(
    db: Session, proposal_id: UUID, subject: str | None = None, fund_code: str | None = None
) -> Proposal | None:
    """Give one proposal, where it is of this subject and fund."""
    found = db.get(Proposal, proposal_id)
    if found is None or subject not in (None, found.subject) or fund_code not in (None, found.fund):
        return None
    return found


def decision_on(db: Session, proposal_id: UUID) -> ProposalDecision | None:
    """Give the decision on a proposal, where there is one."""
    return db.exec(select(ProposalDecision).where(col(ProposalDecision.proposal_id) == proposal_id)).first()


def filled_by(db: Session, addresses: Sequence[str], purse: str) -> str | None:
    """Give one of these purses that was ever credited from a purse of this name, or None."""
    return db.execute(
        text(
            """
            SELECT a.address FROM ledger.account a
             WHERE a.address = ANY (CAST(:addresses AS text[])) AND a.kind = 'purse'
               AND EXISTS (SELECT FROM ledger.entry e JOIN ledger.account c ON c.id = e.counter_account_id
                            WHERE e.account_id = a.id AND e.amount > 0 AND c.purse = :purse)
             ORDER BY a.address LIMIT 1
            """
        ),
        {"addresses": list(addresses), "purse": purse},
    ).scalar()
