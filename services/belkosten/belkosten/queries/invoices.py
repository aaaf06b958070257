"""Bills of providers, their lines, and the calls that they are held against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.models import Invoice
from belkosten.rules.bill_lines import BillLine
from belkosten.rules.invoices import LineJudgement, RecordedCall
from belkosten.rules.rating import CallOutcome
from foundation.database import cursor_of, packed, unpacked
from foundation.money import Cents
from foundation.periods import Month

MAY_TAKE_FILE = """
    f.kind <> 'invoice' OR NOT EXISTS (
        SELECT FROM belkosten.file_import o
         WHERE o.state = 'processing' AND o.sender = f.sender AND o.kind IN ('invoice', 'callRecords')
           AND (o.received_at, o.id) < (f.received_at, f.id))
"""
"""A bill waits for the call records and the bills of its provider that came before it: they decide what it comes to."""


@dataclass(frozen=True, slots=True)
class FoundCall:
    """The call that a line names, and whether an earlier line had it approved."""

    id: UUID
    recorded: RecordedCall
    is_approved: bool


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """A line with what it came to and the call that it names, if we know it."""

    line: BillLine
    call: UUID | None
    judgement: LineJudgement


def lock_bills_of(db: Session, provider: str) -> None:
    """Take in the bills of one provider one after the other: two that are the same cannot both be the first."""
    db.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('invoice/' || :provider, 0))"), {"provider": provider}
    )


def is_known(db: Session, provider: str, sha256: bytes) -> bool:
    """Tell whether this very bill came before and was not refused."""
    found = db.execute(
        text(
            "SELECT 1 FROM belkosten.invoice i JOIN belkosten.file_import f ON f.id = i.id"
            " WHERE i.provider = :provider AND i.sha256 = :sha256 AND f.state <> 'refused' LIMIT 1"
        ),
        {"provider": provider, "sha256": sha256},
    )
    return found.first() is not None


def senders_of_calls(db: Session) -> list[str]:
    """Give who ever sent call records of which any counted, or still may."""
    rows = db.execute(
        text(
            "SELECT DISTINCT sender FROM belkosten.file_import WHERE kind = 'callRecords' AND NOT dry_run"
            " AND (state = 'processing' OR accepted > 0) ORDER BY sender"
        )
    )
    return [row.sender for row in rows]


def is_provider(db: Session, provider: str) -> bool:
    """Tell whether somebody is registered as a provider."""
    found = db.execute(text("SELECT 1 FROM belkosten.provider WHERE organisation = :provider"), {"provider": provider})
    return found.first() is not None


def providers_of(db: Session, calls: Iterable[tuple[str, str]]) -> list[str]:
    """Give whose calls these are, by call id and participant number."""
    wanted = list(calls)
    if not wanted:
        return []
    rows = db.execute(
        text(
            f"SELECT DISTINCT c.provider FROM {unpacked(ids='text', numbers='text')} AS w (call_id, number)"
            " JOIN belkosten.call c ON c.call_id = w.call_id AND c.participant_number = w.number ORDER BY 1"
        ),
        {"ids": packed(one[0] for one in wanted), "numbers": packed(one[1] for one in wanted)},
    )
    return [row.provider for row in rows]


def calls_of(db: Session, provider: str, call_ids: Sequence[str]) -> dict[str, FoundCall]:
    """Give the calls of a provider under these ids."""
    rows = db.execute(
        text(
            "SELECT c.id, c.call_id, c.participant_number, c.started_at, c.outcome, c.cost,"
            "       EXISTS (SELECT FROM belkosten.invoice_line l WHERE l.call = c.id AND l.code = 'matched') AS is_approved"
            "  FROM belkosten.call c WHERE c.provider = :provider AND c.call_id = ANY(:ids)"
        ),
        {"provider": provider, "ids": list(call_ids)},
    )
    return {
        row.call_id: FoundCall(
            row.id,
            RecordedCall(row.participant_number, row.started_at, CallOutcome(row.outcome), Cents(row.cost)),
            row.is_approved,
        )
        for row in rows
    }


def billed_in(db: Session, invoice_id: UUID, call_ids: Sequence[str]) -> set[str]:
    """Give which of these call ids stand in lines of this bill that are written down."""
    rows = db.execute(
        text("SELECT call_id FROM belkosten.invoice_line WHERE invoice_id = :id AND call_id = ANY(:ids)"),
        {"id": invoice_id, "ids": list(call_ids)},
    )
    return {row.call_id for row in rows}


def registered(db: Session, days: Iterable[tuple[str, date]]) -> set[tuple[str, date]]:
    """Give on which of these days these participants took part in the `belapp`."""
    wanted = list(days)
    if not wanted:
        return set()
    rows = db.execute(
        text(
            f"SELECT DISTINCT w.number, w.day FROM {unpacked(numbers='text', days='date')} AS w (number, day)"
            " JOIN belkosten.participation p ON p.participant_number = w.number AND p.product = 'belapp'"
            "  AND p.state = 'confirmed' AND w.day >= p.starts_on AND (p.ends_on IS NULL OR w.day <= p.ends_on)"
        ),
        {"numbers": packed(one[0] for one in wanted), "days": packed(one[1] for one in wanted)},
    )
    return {(row.number, row.day) for row in rows}


def insert_lines(db: Session, invoice_id: UUID, lines: Sequence[JudgedLine]) -> None:
    """Write judged lines down."""
    statement = (
        "COPY belkosten.invoice_line (invoice_id, row, call_id, participant_number, started_at, seconds, amount, call,"
        " code, difference) FROM STDIN (FORMAT BINARY)"
    )
    types = ["uuid", "int8", "text", "text", "timestamptz", "int4", "int8", "uuid", "text", "int8"]
    with cursor_of(db) as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for one in lines:
            line = one.line
            copy.write_row(
                (
                    invoice_id,
                    line.row,
                    line.call_id,
                    line.participant_number,
                    line.started_at,
                    line.seconds,
                    line.amount,
                    one.call,
                    one.judgement.code.value,
                    one.judgement.difference,
                )
            )


def count(db: Session, invoice_id: UUID, lines: int, matched: int, approved: int) -> None:
    """Add what a chunk of lines came to."""
    db.execute(
        text(
            "UPDATE belkosten.invoice SET lines = lines + :lines, matched = matched + :matched,"
            " approved_total = approved_total + :approved WHERE id = :id"
        ),
        {"id": invoice_id, "lines": lines, "matched": matched, "approved": approved},
    )


def next_to_owe(db: Session) -> Row[Any] | None:
    """Lock the oldest bill that was checked, of which all approved calls are settled and whose provider can be paid."""
    return db.execute(
        text(
            """
            SELECT i.id, i.approved_total, p.payee_id
              FROM belkosten.invoice i
              JOIN belkosten.file_import f ON f.id = i.id AND f.state = 'imported'
              JOIN belkosten.provider p ON p.organisation = i.provider
             WHERE i.message_id IS NULL AND i.approved_total > 0
               AND NOT EXISTS (SELECT FROM belkosten.call c
                                 JOIN belkosten.invoice_line l ON l.call = c.id AND l.code = 'matched'
                                WHERE c.state = 'waiting' AND l.invoice_id = i.id)
             ORDER BY i.id LIMIT 1 FOR UPDATE OF i SKIP LOCKED
            """
        )
    ).first()


def find(db: Session, invoice_id: UUID | None, *, lock: bool = False) -> Invoice | None:
    if invoice_id is None:
        return None
    return db.get(Invoice, invoice_id, with_for_update=lock, populate_existing=True)


_BILLS = """
    SELECT i.*, f.state, f.problem AS file_problem,
           EXISTS (SELECT FROM belkosten.provider p WHERE p.organisation = i.provider) AS is_registered
      FROM belkosten.invoice i JOIN belkosten.file_import f ON f.id = i.id
"""


def bill(db: Session, invoice_id: UUID) -> Row[Any] | None:
    """Give one bill with the state of its file."""
    return db.execute(text(f"{_BILLS} WHERE i.id = :id"), {"id": invoice_id}).first()


def page(db: Session, provider: str | None, before: UUID | None, limit: int) -> list[Row[Any]]:
    """Give bills, newest first."""
    rows = db.execute(
        text(
            f"{_BILLS} WHERE (CAST(:provider AS text) IS NULL OR i.provider = :provider)"
            " AND (CAST(:before AS uuid) IS NULL OR i.id < :before) ORDER BY i.id DESC LIMIT :limit"
        ),
        {"provider": provider, "before": before, "limit": limit},
    )
    return list(rows)


def differences(db: Session, invoice_id: UUID, after: int = 0, limit: int | None = None) -> Iterator[Row[Any]]:
    """Give the lines that are not matched, in order of the bill."""
    return iter(
        db.execute(
            text(
                "SELECT row, code, difference, call_id, amount AS billed, amount - difference AS ours"
                " FROM belkosten.invoice_line WHERE invoice_id = :id AND code <> 'matched' AND row > :after"
                " ORDER BY row LIMIT :limit"
            ),
            {"id": invoice_id, "after": after, "limit": limit},
        )
    )


def unbilled(db: Session, month: Month) -> list[Row[Any]]:
    """Give per provider the calls of a month that were rated and that no bill has asked for."""
    rows = db.execute(
        text(
            "SELECT c.provider, count(*) AS calls, sum(c.cost)::bigint AS cost FROM belkosten.call c"
            " WHERE c.called_on BETWEEN :first AND :last AND c.outcome = 'rated'"
            "   AND NOT EXISTS (SELECT FROM belkosten.invoice_line l WHERE l.call = c.id)"
            " GROUP BY c.provider ORDER BY c.provider"
        ),
        {"first": month.start, "last": month.end},
    )
    return list(rows)
