"""Reading a transfer that may be taken back."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import Session

from wallet.ledger.corrections.rules import Original

# Of the two lines of a transfer the last names it, and is the one that reversals name.
_ORIGINAL = text(
    """
    SELECT o.journal_id, o.line, j.kind, j.value_date, s.address AS source, d.address AS destination, d.asset,
           abs(o.amount) AS amount, o.reversed_journal_id IS NOT NULL AS is_reversal,
           coalesce((SELECT sum(abs(r.amount)) FROM ledger.entry r
                      WHERE r.reversed_journal_id = o.journal_id AND r.reversed_line = o.line), 0) AS reversed_amount,
           b.posted - b.held - b.floor AS available, coalesce(p.claimable, false) AS claimable
      FROM (SELECT e.*, CASE WHEN e.amount > 0 THEN e.counter_account_id ELSE e.account_id END AS source_id,
                   CASE WHEN e.amount > 0 THEN e.account_id ELSE e.counter_account_id END AS destination_id
              FROM ledger.entry e
             WHERE e.journal_id = :journal AND e.line IN (2 * :number - 1, 2 * :number) AND e.counter_account_id IS NOT NULL
             ORDER BY e.line DESC LIMIT 1) o
      JOIN ledger.journal j ON j.id = o.journal_id
      JOIN ledger.account s ON s.id = o.source_id
      JOIN ledger.account d ON d.id = o.destination_id
      JOIN ledger.balance b ON b.account_id = d.id
      LEFT JOIN ledger.purse p ON p.code = d.purse
    """
)


def original(db: Session, journal_id: int, line: int) -> Original | None:
    """Give the transfer that a line of a journal names, where it names one, with what was taken back of it."""
    row = db.execute(_ORIGINAL, {"journal": journal_id, "number": (line + 1) // 2}).mappings().first()
    return None if row is None else Original(**{**row, "reversed_amount": int(row["reversed_amount"])})


def only_line(db: Session, journal_id: int) -> int | None:
    """Give a line of the transfer of a journal that has one transfer only, or None."""
    lines = (
        db.execute(
            text(
                "SELECT max(line) FROM ledger.entry WHERE journal_id = :journal AND counter_account_id IS NOT NULL"
                " GROUP BY (line + 1) / 2 LIMIT 2"
            ),
            {"journal": journal_id},
        )
        .scalars()
        .all()
    )
    return lines[0] if len(lines) == 1 else None
