"""Reading for payouts: what a batch holds, what the bank still owes us word of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session, col, select

from wallet.payouts.models import Approval, BankEntry, BankMessage, Batch, BatchEvent
from wallet.payouts.reconciliation import BatchFacts, LineFacts
from wallet.payouts.refusals import BatchNotFound
from wallet.payouts.rules import ContentHeader, ContentLine, HolderKind

STREAM_ROWS = 2_000


def purse_asset(db: Session, purse: str) -> str | None:
    """Give the asset that a purse is in, or None where there is no such purse."""
    return db.execute(text("SELECT asset FROM ledger.purse WHERE code = :purse"), {"purse": purse}).scalar()


def batch(db: Session, batch_id: UUID) -> Batch:
    """Give a batch; raises `BatchNotFound`."""
    found = db.get(Batch, batch_id)
    if found is None:
        raise BatchNotFound
    return found


def batch_for_update(db: Session, batch_id: UUID) -> Batch:
    """Lock a batch and give it as it is now: everything that moves a batch or its lines waits here for its turn."""
    found = db.get(Batch, batch_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise BatchNotFound
    return found


def approvals(db: Session, batch_id: UUID) -> Sequence[Approval]:
    """Give the approvals of a batch, oldest first."""
    return db.exec(select(Approval).where(Approval.batch_id == batch_id).order_by(col(Approval.approved_at))).all()


def events(db: Session, batch_id: UUID) -> Sequence[BatchEvent]:
    """Give what happened with a batch, oldest first."""
    return db.exec(select(BatchEvent).where(BatchEvent.batch_id == batch_id).order_by(col(BatchEvent.id))).all()


def line_counts(db: Session, batch_id: UUID) -> dict[str, tuple[int, int]]:
    """Give count and sum of a batch's lines per state."""
    rows = db.execute(
        text("SELECT state, count(*), sum(amount)::bigint FROM payouts.line WHERE batch_id = :batch GROUP BY state"),
        {"batch": batch_id},
    )
    return {state: (count, total) for state, count, total in rows}


def is_paid_by(db: Session, batch_id: UUID, holder_id: UUID) -> bool:
    """Tell whether a holder gets money from a batch."""
    found = db.execute(
        text("SELECT 1 FROM payouts.line WHERE batch_id = :batch AND holder_id = :holder AND hold_id IS NOT NULL"),
        {"batch": batch_id, "holder": holder_id},
    )
    return found.first() is not None


def payment_of_holder(db: Session, batch_id: UUID, holder_id: UUID) -> str | None:
    """Give the end-to-end id under which a person or a payee is paid from a batch."""
    found = db.execute(
        text(
            "SELECT end_to_end_id FROM payouts.line"
            " WHERE batch_id = :batch AND holder_id = :holder AND hold_id IS NOT NULL"
        ),
        {"batch": batch_id, "holder": holder_id},
    )
    payment: str | None = found.scalar()
    return payment


def content_header(batch: Batch) -> ContentHeader:
    """Give what a frozen batch fixes for all its lines."""
    assert batch.debtor_name is not None
    assert batch.debtor_iban is not None
    return ContentHeader(
        batch.id, batch.number, batch.purse, batch.asset, batch.execute_on, batch.debtor_name, batch.debtor_iban
    )


def content_lines(db: Session, batch_id: UUID) -> Iterator[ContentLine]:
    """Give the frozen lines of a batch in their order, a few thousand at a time."""
    columns = (
        "l.line_no, l.holder_id, l.iban_id, l.creditor_name, l.amount, l.end_to_end_id, l.holder_kind, l.reference"
    )
    for row in _frozen(db, batch_id, columns):
        yield ContentLine(
            row.line_no,
            row.holder_id,
            row.iban_id,
            row.creditor_name,
            row.amount,
            row.end_to_end_id,
            HolderKind(row.holder_kind),
            row.reference,
        )


def payable_lines(db: Session, batch_id: UUID) -> Iterator[Row[Any]]:
    """Give the frozen lines of a batch in their order with the account that each is paid to, still encrypted."""
    return _frozen(
        db,
        batch_id,
        "l.end_to_end_id, l.amount, l.creditor_name, l.reference, l.holder_id, l.iban_id, i.ciphertext, i.nonce, i.key_id",
        "JOIN holders.iban i ON i.id = l.iban_id",
    )


def _frozen(db: Session, batch_id: UUID, columns: str, join: str = "") -> Iterator[Row[Any]]:
    statement = text(
        f"SELECT {columns} FROM payouts.line l {join}"
        " WHERE l.batch_id = :batch AND l.hold_id IS NOT NULL ORDER BY l.line_no"
    ).execution_options(yield_per=STREAM_ROWS)
    yield from db.execute(statement, {"batch": batch_id})


def batches_of_messages(db: Session, message_ids: Collection[str], batch_ids: Collection[UUID]) -> list[BatchFacts]:
    """Lock the batches that a bank's message names and give what the bank still has to book of each."""
    db.execute(
        text("SELECT FROM payouts.batch WHERE id = ANY (:ids) ORDER BY id FOR UPDATE"),
        {"ids": sorted({*batch_ids, *_as_ids(message_ids)})},
    )
    rows = db.execute(
        text(
            "SELECT b.id, b.debtor_iban, b.state, u.open_lines, u.open_total FROM payouts.batch b,"
            " LATERAL (SELECT count(*) AS open_lines, coalesce(sum(l.amount), 0)::bigint AS open_total"
            "            FROM payouts.line l"
            "           WHERE l.batch_id = b.id AND l.state IN ('sent', 'returned') AND NOT l.cleared) u"
            " WHERE b.id = ANY (:ids)"
        ),
        {"ids": sorted({*batch_ids, *_as_ids(message_ids)})},
    )
    return [
        BatchFacts(row.id, row.id.hex, row.debtor_iban or "", row.state, row.open_lines, row.open_total) for row in rows
    ]


def lines_of_ids(db: Session, end_to_end_ids: Collection[str]) -> list[LineFacts]:
    """Give the lines that a bank's message names, those that were ever frozen."""
    rows = db.execute(
        text(
            "SELECT l.id, l.batch_id, l.end_to_end_id, l.amount, l.state, l.cleared FROM payouts.line l"
            " WHERE l.id = ANY (:ids) AND l.hold_id IS NOT NULL"
        ),
        # The id that the bank sees is the line's own.
        {"ids": sorted(_as_ids(end_to_end_ids))},
    )
    return [LineFacts(*row) for row in rows]


def entry_keys(db: Session, keys: Collection[bytes]) -> tuple[set[bytes], set[bytes]]:
    """Give which of these entries were handled before, and which were read before without being understood."""
    rows = db.execute(
        text(
            "SELECT e.entry_key, bool_or(e.outcome IN ('matched', 'returned')) FROM payouts.bank_entry e"
            " WHERE e.entry_key = ANY (:keys) GROUP BY e.entry_key"
        ),
        {"keys": list(keys)},
    )
    handled: set[bytes] = set()
    unknown: set[bytes] = set()
    for key, was_handled in rows:
        (handled if was_handled else unknown).add(bytes(key))
    return handled, unknown


def handled_references(db: Session, references: Collection[str]) -> set[tuple[str | None, str | None]]:
    """Give account and reference of the bookings among these that were handled before."""
    rows = db.execute(
        text(
            "SELECT DISTINCT e.account, e.reference FROM payouts.bank_entry e"
            " WHERE e.reference = ANY (CAST(:references AS text[])) AND e.outcome IN ('matched', 'returned')"
        ),
        {"references": list(references)},
    )
    return {(account, reference) for account, reference in rows}


def message_with_bytes(db: Session, sha256: bytes) -> UUID | None:
    """Give the message that was read with these same bytes before."""
    statement = select(BankMessage.id).where(BankMessage.sha256 == sha256, col(BankMessage.same_as).is_(None))
    return db.exec(statement).first()


def batches_page(db: Session, state: str | None, before: int | None, limit: int) -> Sequence[Batch]:
    """Give batches, newest first."""
    statement = select(Batch).order_by(col(Batch.number).desc()).limit(limit)
    if state is not None:
        statement = statement.where(Batch.state == state)
    if before is not None:
        statement = statement.where(col(Batch.number) < before)
    return db.exec(statement).all()


def lines_page(db: Session, batch_id: UUID, state: str | None, after: UUID | None, limit: int) -> list[Row[Any]]:
    """Give the lines of a batch by holder, with what shows the account masked still encrypted."""
    rows = db.execute(
        text(
            "SELECT l.*, h.display_name, h.reference AS known_reference, i.ciphertext, i.nonce, i.key_id FROM payouts.line l"
            "  JOIN holders.iban i ON i.id = l.iban_id JOIN holders.holder h ON h.id = l.holder_id"
            " WHERE l.batch_id = :batch AND (CAST(:state AS text) IS NULL OR l.state = :state)"
            "   AND (CAST(:after AS uuid) IS NULL OR l.holder_id > :after) ORDER BY l.holder_id LIMIT :limit"
        ),
        {"batch": batch_id, "state": state, "after": after, "limit": limit},
    )
    return list(rows)


def messages_page(db: Session, before: UUID | None, limit: int) -> Sequence[BankMessage]:
    """Give the bank's messages, newest first."""
    statement = select(BankMessage).order_by(col(BankMessage.id).desc()).limit(limit)
    if before is not None:
        statement = statement.where(col(BankMessage.id) < before)
    return db.exec(statement).all()


def entries_page(db: Session, message_id: UUID, outcome: str | None, after: int, limit: int) -> Sequence[BankEntry]:
    """Give the entries of a message in their order."""
    statement = (
        select(BankEntry)
        .where(BankEntry.message_id == message_id, col(BankEntry.number) > after)
        .order_by(col(BankEntry.number))
        .limit(limit)
    )
    if outcome is not None:
        statement = statement.where(BankEntry.outcome == outcome)
    return db.exec(statement).all()


def _as_ids(names: Collection[str]) -> set[UUID]:
    found = set()
    for name in names:
        if len(name) == 32:
            try:
                found.add(UUID(hex=name))
            except ValueError:
                continue
    return found
