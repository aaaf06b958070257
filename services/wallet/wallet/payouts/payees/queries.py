"""Reading what payees are owed and were paid, for a page of them at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

SHOWN_PAYMENTS = 100
"""How many of a payee's payments are shown; the batches have them all."""


def payables(db: Session, payee_ids: Sequence[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Give the payables of each of these payees, by purse. One opens when something is owed for the first time."""
    rows = db.execute(
        text(
            "SELECT u.id AS payee, p.code AS purse, a.asset, b.posted AS balance, b.held"
            "  FROM unnest(CAST(:ids AS uuid[])) u(id)"
            " CROSS JOIN ledger.purse p"
            "  JOIN ledger.account a ON a.address = ('payable:' || u.id || ':' || p.code) COLLATE \"C\""
            "  JOIN ledger.balance b ON b.account_id = a.id"
            " ORDER BY u.id, p.code"
        ),
        {"ids": list(payee_ids)},
    )
    return _by_payee(rows, payee_ids)


def payments(db: Session, payee_ids: Sequence[UUID]) -> dict[UUID, list[Row[Any]]]:
    """Give the newest payments to each of these payees, newest first."""
    rows = db.execute(
        text(
            "SELECT l.* FROM unnest(CAST(:ids AS uuid[])) u(id)"
            " CROSS JOIN LATERAL ("
            "       SELECT l.holder_id AS payee, l.batch_id, l.id AS line_id, l.purse, l.state, l.amount, l.asset, l.reason"
            "         FROM payouts.line l WHERE l.holder_id = u.id AND l.holder_kind = 'payee'"
            "        ORDER BY l.id DESC LIMIT :limit) l"
            " ORDER BY l.line_id DESC"
        ),
        {"ids": list(payee_ids), "limit": SHOWN_PAYMENTS},
    )
    return _by_payee(rows, payee_ids)


def _by_payee(rows: Iterable[Row[Any]], payee_ids: Sequence[UUID]) -> dict[UUID, list[Row[Any]]]:
    found: dict[UUID, list[Row[Any]]] = {payee_id: [] for payee_id in payee_ids}
    for row in rows:
        found[row.payee].append(row)
    return found
