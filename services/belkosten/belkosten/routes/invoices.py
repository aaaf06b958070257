"""Bills of providers: taken in, checked line by line, and shown with every difference."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session
from starlette.responses import StreamingResponse

from belkosten.actions import bills, imports
from belkosten.queries import invoices
from belkosten.refusals import UnknownInvoice
from belkosten.routes.bells import ring_jobs
from belkosten.routes.months import MonthParam
from belkosten.rules.bill_lines import COLUMNS
from belkosten.schemas.invoices import InvoiceAcceptedOut, InvoiceOut, InvoiceSummaryOut, UnbilledOut
from foundation import file_work
from foundation.access import Caller, Role, require
from foundation.database import Database, ReadSession, after_commit, database_of
from foundation.file_work.intake import MAX_FILE_BYTES, Arrived, BatchOut, take_file
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.schemas import PageOut

router = APIRouter(tags=["invoices"])

LINES_AT_ONCE = 5_000
REPORT = ("row", "code", "callId", "billed", "ours", "tooMuch", "tooLittle")
"""Too much and too little apart: a cell that begins with a minus is taken for a formula by a spreadsheet."""

Reader = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]


@router.post("/invoices", status_code=202, response_model=InvoiceAcceptedOut, max_body_size=MAX_FILE_BYTES + 1)
async def post_invoice(
    request: Request,
    caller: Annotated[Caller, require(Role.FINANCE_MAKER)],
    command: IdempotentCommand,
    provider: Annotated[
        str | None, Query(min_length=1, max_length=100, description="Whose bill it is, where its calls do not tell.")
    ] = None,
) -> Response:
    """Take in a provider's bill (CSV or JSON, at most 100 MiB); what the check found, its own address tells."""

    def act(db: Session, arrived: Arrived) -> InvoiceAcceptedOut:
        invoice = bills.receive(db, arrived, provider, caller.actor)
        after_commit(db, lambda: ring_jobs(request))
        return InvoiceAcceptedOut(id=str(invoice.id), provider=invoice.provider)

    return await take_file(request, command, COLUMNS, act)


@router.get("/invoices")
def get_invoices(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    provider: Annotated[str | None, Query(max_length=100)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[InvoiceSummaryOut]:
    """List bills, newest first."""
    rows = invoices.page(db, provider, id_before(cursor), limit + 1)
    following = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, following)
    return PageOut(items=[InvoiceSummaryOut.of(row) for row in rows[:limit]], next_cursor=following)


@router.get("/invoices/{invoice_id}")
def get_invoice(invoice_id: str, caller: Reader, db: ReadSession) -> InvoiceOut:
    """Tell how far the check of a bill is, and every line that is not approved."""
    bill = _bill(db, invoice_id)
    file = file_work.find(db, imports.FILES, bill.id)
    assert file is not None
    unreadable = BatchOut.of(file, file_work.outcomes(db, imports.FILES, bill.id))
    return InvoiceOut.whole(bill, invoices.differences(db, bill.id), unreadable)


@router.get(
    "/invoices/{invoice_id}/differences",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}},
)
def get_differences(request: Request, invoice_id: str, caller: Reader, db: ReadSession) -> StreamingResponse:
    """Give every line that is not approved as CSV, for a spreadsheet or for the provider."""
    bill = _bill(db, invoice_id)
    return StreamingResponse(
        _report(database_of(request), bill.id),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="verschillen-{bill.id}.csv"'},
    )


def _report(database: Database, invoice_id: UUID) -> Iterator[str]:
    # Lines never change, so every part is read by itself: no picture of the database is held while somebody downloads.
    yield _csv([REPORT])
    after = 0
    while True:
        with database.reading() as db:
            lines = list(invoices.differences(db, invoice_id, after, LINES_AT_ONCE))
        if lines:
            yield _csv([_cells(line) for line in lines])
            after = lines[-1].row
        if len(lines) < LINES_AT_ONCE:
            return


def _cells(line: Any) -> tuple[object, ...]:
    # A call id may begin with a sign that a spreadsheet takes for a formula.
    call_id = line.call_id if line.call_id[0].isalnum() else f"'{line.call_id}"
    return (line.row, line.code, call_id, line.billed, line.ours, max(0, line.difference), max(0, -line.difference))


def _csv(rows: list[tuple[object, ...]]) -> str:
    page = io.StringIO()
    csv.writer(page, delimiter=";", lineterminator="\r\n").writerows(rows)
    return page.getvalue()


@router.get("/unbilled-calls")
def get_unbilled(month: MonthParam, caller: Reader, db: ReadSession) -> UnbilledOut:
    """Count the calls of a month that no bill has asked for yet."""
    return UnbilledOut.of(str(month), invoices.unbilled(db, month))


def _bill(db: Session, invoice_id: str) -> Any:
    key = identifier(invoice_id)
    bill = None if key is None else invoices.bill(db, key)
    if bill is None:
        raise UnknownInvoice()
    return bill
