"""Reading what a statement shows, under the seals up to one block: later blocks add to it, and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, text
from sqlmodel import Session

from wallet.audit.rules import ACCOUNT_FIELDS, ENTRY_FIELDS


def scales(db: Session) -> dict[str, int]:
    """Give the number of decimals of each asset."""
    return {row.code: row.scale for row in db.execute(text("SELECT code, scale FROM ledger.asset"))}


def balances_before(db: Session, account_ids: Sequence[int], first: date, last: date, block: int) -> dict[int, int]:
    """Give what stood on accounts before `first`, of what is known on `last`; an account without entries is left out."""
    rows = db.execute(
        text(
            """
            SELECT e.account_id, sum(e.amount)::bigint AS balance
              FROM ledger.entry e
              JOIN ledger.journal j ON j.id = e.journal_id AND j.value_date < :first AND j.value_date <= :last
              JOIN ledger.block_journal b ON b.journal_id = e.journal_id AND b.block_number <= :block
             WHERE e.account_id = ANY (CAST(:accounts AS bigint[])) GROUP BY e.account_id
            """
        ),
        {"accounts": list(account_ids), "first": first, "last": last, "block": block},
    )
    return {row.account_id: row.balance for row in rows}


def has_later(db: Session, account_id: int, kind: str, first: date, last: date, block: int) -> bool:
    """Tell whether an account has entries of this kind in a period that this block does not cover."""
    found = text(
        "SELECT 1 FROM ledger.entry e"
        "  JOIN ledger.journal j ON j.id = e.journal_id AND j.kind = :kind AND j.value_date BETWEEN :first AND :last"
        " WHERE e.account_id = :account AND NOT EXISTS ("
        "       SELECT FROM ledger.block_journal b WHERE b.journal_id = e.journal_id AND b.block_number <= :block) LIMIT 1"
    )
    values = {"account": account_id, "kind": kind, "first": first, "last": last, "block": block}
    return db.execute(found, values).first() is not None


def entries(db: Session, account_ids: Sequence[int], first: date, last: date, block: int) -> Sequence[RowMapping]:
    """Give the entries of accounts with their accounts' terms (as `account_<field>`) and their sealed leaf, in order."""
    own: list[Any] = [f"e.{name}" for name in ENTRY_FIELDS]
    terms = [f"a.{name} AS account_{name}" for name in ACCOUNT_FIELDS]
    return (
        db.execute(
            text(
                f"""
            SELECT {", ".join([*own, *terms])}, j.kind, j.value_date, b.block_number,
                   -- Leaf 0 is the journal's; then come its entries, in the order of their lines.
                   substring(b.leaves FROM 32 * (
                       SELECT count(*)::int FROM ledger.entry l WHERE l.journal_id = e.journal_id AND l.line <= e.line
                   ) + 1 FOR 32) AS sealed_leaf
              FROM ledger.entry e
              JOIN ledger.account a ON a.id = e.account_id
              JOIN ledger.journal j ON j.id = e.journal_id AND j.value_date BETWEEN :first AND :last
              JOIN ledger.block_journal b ON b.journal_id = e.journal_id AND b.block_number <= :block
             WHERE e.account_id = ANY (CAST(:accounts AS bigint[])) ORDER BY e.account_id, e.version
            """
            ),
            {"accounts": list(account_ids), "first": first, "last": last, "block": block},
        )
        .mappings()
        .all()
    )
