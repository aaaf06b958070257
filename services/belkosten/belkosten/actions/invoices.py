"""Checking a provider's bill line by line, and owing what matched."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from belkosten import postings
from belkosten.models import FileImport, Invoice
from belkosten.queries import invoices
from belkosten.queries.invoices import FoundCall, JudgedLine
from belkosten.rules.bill_lines import BillLine, UnreadableLine, read_line
from belkosten.rules.invoices import LineCode, LineContext, is_same_call, judge_line
from belkosten.rules.rating import AMSTERDAM
from foundation import outbox
from foundation.clock import business_date
from foundation.file_work import ChunkResult
from foundation.identifiers import identifier
from foundation.money import Cents
from foundation.outbox import Leased
from foundation.row_files import RawRow

APPROVE_INVOICE = "approve-invoice"
MALFORMED = "malformed"


def take_in(db: Session, file: FileImport, chunk: list[RawRow]) -> ChunkResult:
    """Judge a chunk of lines in their order, and add what they come to to the bill."""
    read = [read_line(raw) for raw in chunk]
    lines = [one for one in read if isinstance(one, BillLine)]
    result = ChunkResult(accepted=len(lines))
    result.outcomes = [(one.row, "refused", MALFORMED, one.message) for one in read if isinstance(one, UnreadableLine)]
    if lines:
        judged = _judged(db, file, lines)
        matched = [one.line.amount for one in judged if one.judgement.code is LineCode.MATCHED]
        invoices.insert_lines(db, file.id, judged)
        invoices.count(db, file.id, len(judged), len(matched), sum(matched))
    return result


def _judged(db: Session, file: FileImport, lines: list[BillLine]) -> list[JudgedLine]:
    call_ids = list({line.call_id for line in lines})
    calls = invoices.calls_of(db, file.sender, call_ids)
    billed = invoices.billed_in(db, file.id, call_ids)
    different = [line for line in lines if _differs(line, calls.get(line.call_id))]
    registered = invoices.registered(db, {_day_of(line) for line in different if line.participant_number})
    different_rows = {line.row for line in different}
    judged = []
    for line in lines:
        found = calls.get(line.call_id)
        context = LineContext(
            call=None if found is None else found.recorded,
            is_billed_before=line.call_id in billed or (found is not None and found.is_approved),
            is_registered=line.row in different_rows and _day_of(line) in registered,
        )
        judged.append(JudgedLine(line, None if found is None else found.id, judge_line(line, context)))
        billed.add(line.call_id)
    return judged


def _day_of(line: BillLine) -> tuple[str, date]:
    return line.participant_number, line.started_at.astimezone(AMSTERDAM).date()


def _differs(line: BillLine, found: FoundCall | None) -> bool:
    return found is not None and not is_same_call(line, found.recorded)


def owe_next(db: Session) -> bool:
    """Have the wallet owe the oldest checked bill that can be owed. Returns whether there was one.

    A bill waits until all its approved calls are settled, since their money is what it is paid from, and until its
    provider is registered.
    """
    found = invoices.next_to_owe(db)
    if found is None:
        return False
    invoice = invoices.find(db, found.id)
    assert invoice is not None
    today = business_date()
    message = postings.invoice_approval(invoice.id, str(found.payee_id), Cents(found.approved_total), today)
    invoice.message_id = outbox.enqueue(
        db, APPROVE_INVOICE, f"invoice/{invoice.id}", message.as_json(), subject=f"invoice/{invoice.id}"
    )
    db.flush()
    return True


def owed(db: Session, message: Leased, answer: Mapping[str, Any]) -> None:
    """The wallet owes it to the provider from now on: a payout batch can pay it."""
    invoice = _invoice_of(db, message)
    invoice.booked_on = business_date()
    invoice.problem_code = invoice.problem = None
    db.flush()


def owing_refused(db: Session, message: Leased, code: str, text: str) -> None:
    """The wallet refused it: it waits until somebody resumes it."""
    invoice = _invoice_of(db, message)
    invoice.problem_code, invoice.problem = code, text
    db.flush()


def _invoice_of(db: Session, message: Leased) -> Invoice:
    invoice_id: UUID | None = identifier(message.subject.removeprefix("invoice/"))
    invoice = invoices.find(db, invoice_id, lock=True)
    assert invoice is not None, f"no invoice for {message.subject}"
    return invoice
