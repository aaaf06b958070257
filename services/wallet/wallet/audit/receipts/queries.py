"""Reading what a receipt says beside the batch itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session


def exceptions_by_code(db: Session, batch_id: UUID) -> Sequence[Row[Any]]:
    """Give every code of exception with the number of lines that have it."""
    return db.execute(
        text(
            "SELECT code, count(*) AS lines FROM ledger.bulk_exception WHERE batch_id = :batch"
            ' GROUP BY code ORDER BY code COLLATE "C"'
        ),
        {"batch": batch_id},
    ).all()


def blocks_over(db: Session, batch_id: UUID) -> Sequence[Row[Any]]:
    """Give the blocks that seal journals of a batch, with how many; a row without a block is of those that wait."""
    return db.execute(
        text(
            """
            SELECT k.number, k.header, count(*) AS journals
              FROM ledger.bulk_chunk c
              LEFT JOIN ledger.block_journal b ON b.journal_id = c.journal_id
              LEFT JOIN ledger.block k ON k.number = b.block_number
             WHERE c.batch_id = :batch AND c.journal_id IS NOT NULL
             GROUP BY k.number, k.header ORDER BY k.number
            """
        ),
        {"batch": batch_id},
    ).all()
