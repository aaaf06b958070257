"""Taking in a provider's bill: whose it is, and whether it came before. What its lines come to is `actions.invoices`."""

from __future__ import annotations

from itertools import islice

from sqlmodel import Session

from belkosten.actions import imports
from belkosten.models import Invoice
from belkosten.queries import invoices
from belkosten.refusals import InvoiceKnown, ProviderMissing, UnknownProvider
from belkosten.rules.bill_lines import COLUMNS, BillLine, read_line
from foundation.clock import business_date
from foundation.file_work import Arrived
from foundation.row_files import UnreadableFile, read_rows

LINES_LOOKED_AT = 500
"""So many lines of a bill tell whose calls it is about."""


def receive(db: Session, arrived: Arrived, provider: str | None, actor: str) -> Invoice:
    """Take a bill in, to be checked afterwards. Raises `ProviderMissing`, `UnknownProvider` and `InvoiceKnown`."""
    whose = provider_of(db, arrived, provider)
    invoices.lock_bills_of(db, whose)
    sha256 = arrived.upload.sha256
    if invoices.is_known(db, whose, sha256):
        raise InvoiceKnown(f"Deze factuur van {whose} is al ingelezen; zij wordt niet nog eens nagekeken.")
    file = imports.receive_file(db, imports.INVOICE, arrived, whose, actor)
    invoice = Invoice(
        id=file.id,
        provider=whose,
        sha256=sha256,
        lines=0,
        matched=0,
        approved_total=0,
        received_on=business_date(),
    )
    db.add(invoice)
    db.flush()
    return invoice


def provider_of(db: Session, arrived: Arrived, named: str | None) -> str:
    """Give whose bill it is: as named, or the only one who ever sent calls, or the only one whose calls it lists."""
    senders = invoices.senders_of_calls(db)
    if named is not None:
        if named not in senders and not invoices.is_provider(db, named):
            raise UnknownProvider(
                f"Aanbieder {named} is niet bekend: die stuurde nooit gespreksgegevens en is niet geregistreerd.",
                pointer="query/provider",
            )
        return named
    found = senders if len(senders) == 1 else invoices.providers_of(db, _calls_listed(arrived))
    if len(found) == 1:
        return found[0]
    raise ProviderMissing(
        "Van welke aanbieder deze factuur is, blijkt niet uit de gesprekken. Noem de aanbieder: POST /invoices?provider=…",
        pointer="query/provider",
    )


def _calls_listed(arrived: Arrived) -> set[tuple[str, str]]:
    rows = islice(read_rows(arrived.upload.pieces(), arrived.file, COLUMNS), LINES_LOOKED_AT)
    try:
        lines = [read_line(raw) for raw in rows]
    except UnreadableFile:
        # Told when the file is worked through.
        return set()
    readable = [line for line in lines if isinstance(line, BillLine)]
    return {(line.call_id, line.participant_number) for line in readable if line.participant_number}
