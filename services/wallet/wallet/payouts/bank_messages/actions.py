"""Booking a message of the bank: every entry gets its outcome, and its money, in one transaction (PO-2, PO-5, SK-12)."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import business_date, now
from foundation.identifiers import new_id
from wallet.holders.vault import Vault
from wallet.ledger.actions import Transfer, open_day, post
from wallet.ledger.postings import RECEIPT
from wallet.payouts import postings, queries
from wallet.payouts.announcements.actions import RECEIPT as ANNOUNCED
from wallet.payouts.announcements.actions import announce
from wallet.payouts.bank_messages import Entry, Message
from wallet.payouts.models import BankEntry, BankMessage, BatchEvent
from wallet.payouts.reconciliation import (
    CURRENCY,
    Book,
    Effect,
    Expected,
    Outcome,
    Verdict,
    batch_message_ids,
    payment_references,
)
from wallet.payouts.references import queries as references
from wallet.payouts.references.postings import received

MESSAGE_FIELD = "bank-message"
MAX_TRANSFERS = 10_000
_INSERTED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class _Judged:
    """An entry with its verdict; the journal is filled in once the money is posted."""

    entry: Entry
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Booking:
    """The message that is booked, by whom, and the first day on which may be posted."""

    db: Session
    message: BankMessage
    first_open: date
    actor: str

    def reference(self, entry: Entry, reference: str | None) -> str | None:
        return postings.with_closed_day(reference, entry.booked_on, self.first_open)

    def post(self, kind: str, transfers: Sequence[Transfer]) -> int:
        """Post on the day on which the message was received: on the bank's own day the books may be closed."""
        posted = post(
            self.db,
            kind=kind,
            value_date=max(self.message.received_on, self.first_open),
            actor=self.actor,
            decision=f"bank-message/{self.message.id}",
            transfers=transfers,
        )
        return posted.journal_id


def book_message(
    db: Session, vault: Vault, raw: bytes, message: Message, actor: str, own_account: str | None = None
) -> BankMessage:
    """Book one message: settle, return or reject what it names, and keep every entry with its outcome.

    What came in on `own_account` under a payment reference is booked and announced to its scheme. Locks the batches that
    it names, so that two messages on one batch are handled one after the other. Raises what the ledger refuses; nothing
    is kept then.
    """
    judged = _judge(db, message.entries, own_account)
    row = _keep_message(db, vault, raw, message, judged, actor)
    journals = _carry_out(db, _Booking(db, row, open_day(db, date.min), actor), judged)
    _keep_entries(db, row.id, judged, journals)
    _settle_batches(db, {one.verdict.batch_id for one in judged if one.verdict.batch_id is not None}, actor)
    return row


def _judge(db: Session, entries: Sequence[Entry], own_account: str | None) -> list[_Judged]:
    lines = queries.lines_of_ids(db, {entry.end_to_end_id for entry in entries if entry.end_to_end_id is not None})
    batches = queries.batches_of_messages(db, batch_message_ids(entries), {line.batch_id for line in lines})
    # Read again under the lock of their batches: until then another message may have moved them.
    lines = queries.lines_of_ids(db, {line.end_to_end_id for line in lines})
    expected = references.expected(db, payment_references(entries))
    if expected:
        references.wait_for_receipts(db)
    handled, unknown = queries.entry_keys(db, [entry.key for entry in entries])
    bookings = queries.handled_references(db, {entry.reference for entry in entries if entry.reference is not None})
    receipts = references.booked_receipts(db, entries) if expected else set()
    book = Book(batches, lines, handled, unknown, bookings, own_account, expected, receipts)
    return [_Judged(entry, book.judge(entry)) for entry in entries]


def _keep_message(
    db: Session, vault: Vault, raw: bytes, message: Message, judged: Sequence[_Judged], actor: str
) -> BankMessage:
    counts = {outcome: sum(one.verdict.outcome is outcome for one in judged) for outcome in Outcome}
    digest = hashlib.sha256(raw).digest()
    # One reader of the same bytes at a time, so that they are kept once.
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:digest, 0))"), {"digest": digest.hex()})
    row = BankMessage(
        id=new_id(),
        kind=message.kind,
        identification=message.identification,
        sha256=digest,
        length=len(raw),
        same_as=queries.message_with_bytes(db, digest),
        matched=counts[Outcome.MATCHED],
        returned=counts[Outcome.RETURNED],
        unknown=counts[Outcome.UNKNOWN],
        repeated=counts[Outcome.REPEATED],
        received_by=actor,
        received_on=business_date(),
        received_at=now(),
    )
    if row.same_as is None:
        sealed = vault.seal(row.id, MESSAGE_FIELD, zlib.compress(raw))
        row.ciphertext, row.nonce, row.key_id = sealed.ciphertext, sealed.nonce, sealed.key_id
    db.add(row)
    db.flush()
    return row


def _carry_out(db: Session, booking: _Booking, judged: Sequence[_Judged]) -> dict[bytes, int]:
    """Do what the verdicts say, in their order, alike ones together; give the journal of each that moved money."""
    journals: dict[bytes, int] = {}
    acting = [one for one in judged if one.verdict.effect is not None]
    for effect, group in groupby(acting, key=lambda one: one.verdict.effect):
        same = list(group)
        for start in range(0, len(same), MAX_TRANSFERS):
            part = same[start : start + MAX_TRANSFERS]
            match effect:
                case Effect.SETTLE_BATCH | Effect.SETTLE_LINE:
                    journal = _settle(db, booking, part, whole=effect is Effect.SETTLE_BATCH)
                    journals.update((one.entry.key, journal) for one in part)
                case Effect.RETURN_LINE | Effect.REJECT_LINE:
                    entries = {_line(one): one.entry for one in part}
                    journal = _bring_back(db, booking, entries, rejected=effect is Effect.REJECT_LINE)
                    journals.update((one.entry.key, journal) for one in part)
                case Effect.RECEIPT:
                    journal = _receive(db, booking, part)
                    journals.update((one.entry.key, journal) for one in part)
                case Effect.REJECT_BATCH:
                    for one in part:
                        journals[one.entry.key] = _reject_batch(db, booking, one)
                case _:
                    _write_statuses(db, part, whole=effect is Effect.BATCH_STATUS)
    return journals


def _settle(db: Session, booking: _Booking, part: Sequence[_Judged], whole: bool) -> int:
    references = [booking.reference(one.entry, one.entry.reference) for one in part]
    journal = booking.post(
        postings.SETTLEMENT,
        [
            postings.settled(one.entry.key, one.entry.amount or 0, CURRENCY, reference)
            for one, reference in zip(part, references, strict=True)
        ],
    )
    names, ids = ("batch_id", [one.verdict.batch_id for one in part]) if whole else ("id", [_line(one) for one in part])
    db.execute(
        text(
            "UPDATE payouts.line SET cleared = true, state = CASE state WHEN 'sent' THEN 'settled' ELSE state END"
            f" WHERE {names} = ANY (:ids) AND state IN ('sent', 'returned') AND NOT cleared"
        ),
        {"ids": ids},
    )
    return journal


def _receive(db: Session, booking: _Booking, part: Sequence[_Judged]) -> int:
    """Put what came in where its scheme finds it, and tell the scheme."""
    transfers = []
    for one in part:
        expected, amount = _expected(one), one.entry.amount or 0
        reference = booking.reference(one.entry, expected.reference)
        transfers.append(received(one.entry.key, expected.scheme, amount, CURRENCY, reference))
        content = {
            "reference": expected.reference,
            "subject": expected.subject,
            "amount": amount,
            "asset": CURRENCY,
            "receivedOn": (one.entry.booked_on or booking.message.received_on).isoformat(),
            "entry": one.entry.key.hex(),
        }
        announce(db, expected.scheme, ANNOUNCED, content)
    return booking.post(RECEIPT, transfers)


def _reject_batch(db: Session, booking: _Booking, one: _Judged) -> int:
    ids = db.execute(
        text("SELECT id FROM payouts.line WHERE batch_id = :batch AND state = 'sent' ORDER BY line_no"),
        {"batch": one.verdict.batch_id},
    ).scalars()
    lines: list[UUID] = list(ids)
    journal = 0
    for start in range(0, len(lines), MAX_TRANSFERS):
        part = dict.fromkeys(lines[start : start + MAX_TRANSFERS], one.entry)
        journal = _bring_back(db, booking, part, rejected=True)
    return journal


def _bring_back(db: Session, booking: _Booking, entries: dict[UUID, Entry], rejected: bool) -> int:
    """Put the money of lines back in their purses: from what was on its way out, or from the bank account."""
    rows = db.execute(
        text(
            "SELECT id, holder_id, purse, asset, amount, end_to_end_id, hold_id, holder_kind FROM payouts.line"
            " WHERE id = ANY (:ids) ORDER BY id"
        ),
        {"ids": list(entries)},
    ).all()
    transfer = postings.rejected if rejected else postings.returned
    kind = postings.REJECTION if rejected else postings.RETURN
    transfers = [transfer(postings.PaidLine(*row)) for row in rows]
    journal = booking.post(
        kind,
        [
            replace(made, reference=booking.reference(entries[row.id], made.reference))
            for row, made in zip(rows, transfers, strict=True)
        ],
    )
    db.execute(
        text(
            "UPDATE payouts.line l SET state = :state, reason = u.reason, back_journal = :journal"
            "  FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) u(id, reason) WHERE l.id = u.id"
        ),
        {
            "state": "rejected" if rejected else "returned",
            "journal": journal,
            "ids": list(entries),
            "reasons": [entry.reason for entry in entries.values()],
        },
    )
    return journal


def _write_statuses(db: Session, part: Sequence[_Judged], whole: bool) -> None:
    table, ids = ("batch", [one.verdict.batch_id for one in part]) if whole else ("line", [_line(one) for one in part])
    newest = dict(zip(ids, [one.entry.status for one in part], strict=True))
    db.execute(
        text(
            f"UPDATE payouts.{table} t SET bank_status = u.status"
            "  FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS text[])) u(id, status) WHERE t.id = u.id"
        ),
        {"ids": list(newest), "statuses": list(newest.values())},
    )


def _keep_entries(db: Session, message_id: UUID, judged: Sequence[_Judged], journals: dict[bytes, int]) -> None:
    rows = [
        {
            "message_id": message_id,
            "number": number,
            "entry_key": one.entry.key,
            "level": one.entry.level,
            "direction": one.entry.direction,
            "amount": one.entry.amount,
            "currency": one.entry.currency,
            "status": one.entry.status,
            "reason": one.entry.reason,
            "account": one.entry.account,
            "statement": one.entry.statement,
            "reference": one.entry.reference,
            "end_to_end_id": one.entry.end_to_end_id,
            "batch_name": one.entry.payment_information_id or one.entry.message_id,
            "booked_on": one.entry.booked_on,
            "outcome": one.verdict.outcome,
            "note": one.verdict.note,
            "batch_id": one.verdict.batch_id,
            "line_id": one.verdict.line_id,
            "journal_id": journals.get(one.entry.key) if one.verdict.effect is not None else None,
            "payment_reference": None if one.verdict.receipt is None else one.verdict.receipt.reference,
        }
        for number, one in enumerate(judged, start=1)
    ]
    for start in range(0, len(rows), _INSERTED_AT_ONCE):
        db.execute(BankEntry.__table__.insert(), rows[start : start + _INSERTED_AT_ONCE])  # type: ignore[attr-defined]


def _settle_batches(db: Session, batch_ids: Iterable[UUID], actor: str) -> None:
    """Close batches of which nothing is open: each line settled, rejected, or returned after its debit was seen."""
    settled = db.execute(
        text(
            "UPDATE payouts.batch b SET state = 'settled', settled_at = :now"
            " WHERE b.id = ANY (:ids) AND b.state = 'sent' AND NOT EXISTS ("
            "       SELECT FROM payouts.line l"
            "        WHERE l.batch_id = b.id AND l.state IN ('sent', 'returned') AND NOT l.cleared)"
            " RETURNING b.id"
        ),
        {"ids": sorted(batch_ids), "now": now()},
    ).scalars()
    for batch_id in settled:
        db.add(BatchEvent(batch_id=batch_id, kind="settled", actor=actor, details={}, recorded_at=now()))
    db.flush()


def _expected(one: _Judged) -> Expected:
    assert one.verdict.receipt is not None
    return one.verdict.receipt


def _line(one: _Judged) -> UUID:
    assert one.verdict.line_id is not None
    return one.verdict.line_id
