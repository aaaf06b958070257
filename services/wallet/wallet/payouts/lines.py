"""The lines of payout batches in SQL: whose money can be paid, and what becomes of a line until the bank has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from foundation.identifiers import new_id
from wallet.payouts.models import Batch
from wallet.payouts.postings import PaidLine
from wallet.payouts.rules import Candidate, Exclusion, HolderKind, end_to_end_id

# The facts of one purse or payable. `h` is a row of holders.holder; the IBAN that money goes to is the one usable last (PO-6).
_FACTS = """
    h.id AS holder_id, h.kind, h.display_name, h.reference, h.blocked,
    coalesce(b.posted - b.held - coalesce(b.floor, 0), 0) AS available,
    (SELECT i.id FROM holders.iban i
      WHERE i.holder_id = h.id AND i.state = 'confirmed' AND i.usable_from <= :today
      ORDER BY i.usable_from DESC, i.id DESC LIMIT 1) AS usable_iban,
    EXISTS (SELECT FROM holders.iban i
             WHERE i.holder_id = h.id AND i.state = 'confirmed' AND i.usable_from > :today) AS has_cooling_iban
"""
_ADDRESS = """
    ((CASE h.kind WHEN 'payee' THEN 'payable:' ELSE 'holder:' END) || h.id || ':' || :purse) COLLATE "C"
"""
_BALANCE = f"""
    LEFT JOIN ledger.account a ON a.address = {_ADDRESS} AND a.closed_at IS NULL
    LEFT JOIN ledger.balance b ON b.account_id = a.id
"""


@dataclass(frozen=True, slots=True, repr=False)
class DraftedLine:
    """A drafted line with the facts as they are now: who is paid, under which reference, and how much could be."""

    line_id: UUID
    name: str
    reference: str | None
    candidate: Candidate


def candidates(
    db: Session,
    purse: str,
    kinds: Sequence[HolderKind],
    today: date,
    asked: Sequence[UUID] | None,
    after: UUID | None,
    limit: int,
) -> list[Candidate]:
    """Give the next who may be paid out of such a purse, by id: those asked for, or all who ever had one or were owed."""
    rows = db.execute(
        text(
            f"SELECT {_FACTS}, EXISTS (SELECT FROM payouts.line l WHERE l.holder_id = h.id AND l.purse = :purse"
            "                           AND l.state IN ('drafted', 'held')) AS in_other_batch"
            "  FROM (SELECT h.* FROM holders.holder h"
            "         WHERE (CAST(:after AS uuid) IS NULL OR h.id > :after) AND h.kind = ANY (:kinds)"
            "           AND (CAST(:asked AS uuid[]) IS NULL OR h.id = ANY (:asked))"
            "           AND (CAST(:asked AS uuid[]) IS NOT NULL OR EXISTS ("
            f"                SELECT FROM ledger.account a WHERE a.address = {_ADDRESS}))"
            f"        ORDER BY h.id LIMIT :limit) h {_BALANCE} ORDER BY h.id"
        ),
        {
            "purse": purse,
            "kinds": [kind.value for kind in kinds],
            "today": today,
            "asked": None if asked is None else list(asked),
            "after": after,
            "limit": limit,
        },
    )
    return [_candidate(row) for row in rows]


def unknown(db: Session, kind: HolderKind, ids: Sequence[UUID]) -> list[UUID]:
    """Give those of these ids under which there is no person, or no payee."""
    rows = db.execute(
        text(
            "SELECT u.id FROM unnest(CAST(:ids AS uuid[])) u(id)"
            " WHERE NOT EXISTS (SELECT FROM holders.holder h WHERE h.id = u.id AND h.kind = :kind)"
        ),
        {"ids": list(ids), "kind": kind.value},
    )
    return list(rows.scalars())


def insert_lines(db: Session, batch: Batch, payable: Sequence[Candidate]) -> dict[UUID, int]:
    """Add a drafted line for each purse that is in no other live batch; give the holders added, with the amount."""
    ids = [new_id() for _ in payable]
    rows = db.execute(
        text(
            "INSERT INTO payouts.line (id, batch_id, holder_id, holder_kind, purse, asset, iban_id, amount,"
            "                          end_to_end_id, state)"
            " SELECT u.id, :batch, u.holder_id, u.kind, :purse, :asset, u.iban_id, u.amount, u.end_to_end_id, 'drafted'"
            "   FROM unnest(CAST(:ids AS uuid[]), CAST(:holders AS uuid[]), CAST(:kinds AS text[]),"
            "               CAST(:ibans AS uuid[]), CAST(:amounts AS bigint[]), CAST(:end_to_end_ids AS text[]))"
            "        u(id, holder_id, kind, iban_id, amount, end_to_end_id)"
            "  ORDER BY u.holder_id"
            " ON CONFLICT (holder_id, purse) WHERE state IN ('drafted', 'held') DO NOTHING RETURNING holder_id, amount"
        ),
        {
            "batch": batch.id,
            "purse": batch.purse,
            "asset": batch.asset,
            "ids": ids,
            "holders": [candidate.holder_id for candidate in payable],
            "kinds": [candidate.kind.value for candidate in payable],
            "ibans": [candidate.usable_iban for candidate in payable],
            "amounts": [candidate.available for candidate in payable],
            "end_to_end_ids": [end_to_end_id(line_id) for line_id in ids],
        },
    )
    return {row.holder_id: row.amount for row in rows}


def insert_exclusions(db: Session, batch_id: UUID, excluded: Sequence[tuple[Candidate, Exclusion]]) -> None:
    """Write down who was looked at for a batch and is not in it."""
    db.execute(
        text(
            "INSERT INTO payouts.exclusion (batch_id, holder_id, reason) SELECT :batch, u.holder_id, u.reason"
            " FROM unnest(CAST(:holders AS uuid[]), CAST(:reasons AS text[])) u(holder_id, reason)"
        ),
        {
            "batch": batch_id,
            "holders": [candidate.holder_id for candidate, _ in excluded],
            "reasons": [reason.value for _, reason in excluded],
        },
    )


def drafted_lines(db: Session, batch: Batch, today: date, limit: int) -> list[DraftedLine]:
    """Give the next drafted lines of a batch, by holder."""
    rows = db.execute(
        text(
            f"SELECT l.id AS line_id, {_FACTS}, false AS in_other_batch"
            "  FROM (SELECT l.* FROM payouts.line l WHERE l.batch_id = :batch AND l.state = 'drafted'"
            f"        ORDER BY l.holder_id LIMIT :limit) l JOIN holders.holder h ON h.id = l.holder_id {_BALANCE}"
            " ORDER BY l.holder_id"
        ),
        {"batch": batch.id, "purse": batch.purse, "today": today, "limit": limit},
    )
    return [DraftedLine(row.line_id, row.display_name, row.reference, _candidate(row)) for row in rows]


def _candidate(row: Row[Any]) -> Candidate:
    return Candidate(
        row.holder_id,
        row.available,
        row.usable_iban,
        row.has_cooling_iban,
        row.blocked,
        row.in_other_batch,
        HolderKind(row.kind),
    )


def write_held(db: Session, batch_id: UUID, paid: Sequence[DraftedLine]) -> None:
    """Freeze lines whose money is held: amount, account, name and reference, numbered after those held before."""
    db.execute(
        text(
            "UPDATE payouts.line l"
            "   SET state = 'held', hold_id = l.id, amount = u.amount, iban_id = u.iban_id, creditor_name = u.name,"
            "       reference = u.reference, line_no = u.i + (SELECT count(*) FROM payouts.line h"
            "                                                  WHERE h.batch_id = :batch AND h.state = 'held')"
            "  FROM unnest(CAST(:ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:ibans AS uuid[]),"
            "              CAST(:names AS text[]), CAST(:references AS text[]))"
            "       WITH ORDINALITY u(id, amount, iban_id, name, reference, i)"
            " WHERE l.id = u.id"
        ),
        {
            "batch": batch_id,
            "ids": [line.line_id for line in paid],
            "amounts": [line.candidate.available for line in paid],
            "ibans": [line.candidate.usable_iban for line in paid],
            "names": [line.name for line in paid],
            "references": [line.reference for line in paid],
        },
    )


def write_dropped(db: Session, dropped: Mapping[UUID, Exclusion]) -> None:
    """Take lines out of a batch that is being submitted, each with its reason."""
    if not dropped:
        return
    db.execute(
        text(
            "UPDATE payouts.line l SET state = 'dropped', reason = u.reason"
            "  FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) u(id, reason) WHERE l.id = u.id"
        ),
        {"ids": list(dropped), "reasons": [reason.value for reason in dropped.values()]},
    )


def held_lines(db: Session, batch_id: UUID, limit: int) -> list[tuple[int, PaidLine]]:
    """Give the next lines of a batch that are still to be sent, each with its number."""
    rows = db.execute(
        text(
            "SELECT line_no, id, holder_id, purse, asset, amount, end_to_end_id, hold_id, holder_kind FROM payouts.line"
            " WHERE batch_id = :batch AND state = 'held' ORDER BY line_no LIMIT :limit"
        ),
        {"batch": batch_id, "limit": limit},
    )
    return [(number, PaidLine(*line)) for number, *line in rows]


def write_sent(db: Session, line_ids: Sequence[UUID], journal_id: int) -> None:
    """Write down in which journal lines left for the bank."""
    db.execute(
        text("UPDATE payouts.line SET state = 'sent', sent_journal = :journal WHERE id = ANY (:ids)"),
        {"journal": journal_id, "ids": list(line_ids)},
    )


def withdraw_lines(db: Session, batch_id: UUID, limit: int) -> tuple[int, list[UUID]]:
    """Withdraw the next lines of a batch; give how many, and the holds of those whose money was held."""
    rows = db.execute(
        text(
            "UPDATE payouts.line SET state = 'withdrawn' WHERE id IN (SELECT id FROM payouts.line"
            " WHERE batch_id = :batch AND state IN ('drafted', 'held') ORDER BY holder_id LIMIT :limit)"
            " RETURNING hold_id"
        ),
        {"batch": batch_id, "limit": limit},
    ).all()
    return len(rows), [row.hold_id for row in rows if row.hold_id is not None]


def payee_entered_by(db: Session, batch_id: UUID, person: str) -> UUID | None:
    """Give a payee in a batch whose account this person entered or confirmed, or None (SK-6)."""
    found: UUID | None = db.execute(
        text("SELECT payouts.payee_entered_by(:batch, :person)"), {"batch": batch_id, "person": person}
    ).scalar()
    return found
