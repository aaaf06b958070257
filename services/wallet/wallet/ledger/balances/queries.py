"""Reading the balances of accounts by their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session

_BALANCES = text(
    """
    SELECT u.address AS account, coalesce(a.asset, p.asset) AS asset, coalesce(b.posted, 0) AS balance,
           coalesce(b.held, 0) AS held, CASE WHEN a.id IS NULL THEN 0 ELSE b.posted - b.held - b.floor END AS available
      FROM unnest(CAST(:addresses AS text[])) WITH ORDINALITY u(address, place)
      LEFT JOIN ledger.account a ON a.address = u.address COLLATE "C"
      LEFT JOIN ledger.balance b ON b.account_id = a.id
      LEFT JOIN ledger.purse p ON a.id IS NULL AND u.address ~ '^(holder|payable):' AND p.code = split_part(u.address, ':', -1)
     ORDER BY u.place
    """
)


def balances(db: Session, addresses: Sequence[str]) -> Sequence[Row[Any]]:
    """Give what stands on each of these accounts, in their order.

    Nothing stands on what is not opened yet: it has the asset that its purse will have, or none where there is no such purse.
    """
    return db.execute(_BALANCES, {"addresses": list(addresses)}).all()
