"""The bank's messages over HTTP, and the stand-in bank that makes them on a local installation (PO-5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.clock import business_date
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.holders.vault import open_vault
from wallet.payouts import queries, rules
from wallet.payouts.bank_messages import MAX_MESSAGE_BYTES, MalformedMessage
from wallet.payouts.bank_messages.actions import book_message
from wallet.payouts.bank_messages.reader import read_message
from wallet.payouts.bank_messages.reasons import reason_text
from wallet.payouts.channels import stand_in
from wallet.payouts.files import batch_file
from wallet.payouts.models import BankEntry, BankMessage
from wallet.payouts.refusals import (
    MessageMalformed,
    MessageNotFound,
    MessageTooLarge,
    NoStandInBank,
    NotXml,
    StandInRefused,
)
from wallet.payouts.schemas import BankEntryOut, BankMessageOut, OutcomeName, PlantedIn, StandInIn, StandInStatementIn
from wallet.payouts.settings import PayoutSettings, WithPayoutSettings

# Room for a statement of a large day; the other routes take what fits beside it.
router = APIRouter(tags=["bank"], max_body_size=MAX_MESSAGE_BYTES + 1024)

XML_TYPES = ("application/xml", "text/xml")
_XML_ANSWER: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}

Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Reader = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]


async def _body(request: Request, caller: Maker) -> bytes:
    """Take the body in, for callers who may send one, and never more than a message can be."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in XML_TYPES:
        raise NotXml("Stuur het bericht van de bank als application/xml.")
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > MAX_MESSAGE_BYTES:
            raise MessageTooLarge(f"Het bericht is groter dan {MAX_MESSAGE_BYTES // 1024 // 1024} MiB.")
    return bytes(content)


@router.post(
    "/bank-messages",
    status_code=201,
    response_model=BankMessageOut,
    openapi_extra={"requestBody": {"required": True, "content": {kind: {} for kind in XML_TYPES}}},
)
def post_bank_message(
    raw: Annotated[bytes, Depends(_body)], caller: Maker, command: IdempotentCommand, settings: WithPayoutSettings
) -> Response:
    """Read a pain.002 or camt.053: every entry is matched, returned, unknown or repeated. Twice changes nothing."""
    try:
        message = read_message(raw)
    except MalformedMessage as error:
        if error.code == "tooLarge":
            raise MessageTooLarge(str(error)) from None
        raise MessageMalformed(str(error), code=error.code) from None
    vault = open_vault()

    def act(db: Session) -> BankMessageOut:
        row = book_message(db, vault, raw, message, caller.actor, settings.debtor_iban)
        return BankMessageOut.model_validate(row)

    return command.once({"sha256": hashlib.sha256(raw).hexdigest()}, act)


@router.get("/bank-messages")
def get_bank_messages(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[BankMessageOut]:
    """List the bank's messages, newest first."""
    position = decode_cursor(cursor, id=str)
    before = identifier(position["id"]) if position else None
    found = queries.messages_page(db, before, limit + 1)
    following = encode_cursor({"id": str(found[limit - 1].id)}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=[BankMessageOut.model_validate(row) for row in found[:limit]], next_cursor=following)


@router.get("/bank-messages/{message_id}/entries")
def get_bank_entries(
    request: Request,
    response: Response,
    message_id: str,
    caller: Reader,
    db: ReadSession,
    outcome: Annotated[OutcomeName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[BankEntryOut]:
    """List the entries of a message, each with what became of it; `unknown` ones say in `note` why."""
    known = identifier(message_id)
    if known is None or db.get(BankMessage, known) is None:
        raise MessageNotFound("Dit bericht van de bank is er niet.")
    position = decode_cursor(cursor, number=int)
    found = queries.entries_page(db, known, outcome, position["number"] if position else 0, limit + 1)
    following = encode_cursor({"number": found[limit - 1].number}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=[_entry_out(row) for row in found[:limit]], next_cursor=following)


_ENTRY_FIELDS = set(BankEntryOut.model_fields) - {"reason_text"}


def _entry_out(row: BankEntry) -> BankEntryOut:
    return BankEntryOut(**row.model_dump(include=_ENTRY_FIELDS), reason_text=reason_text(row.reason))


@router.post("/stand-in-bank/statements", response_class=Response, responses=_XML_ANSWER)
def post_stand_in_statement(
    body: StandInStatementIn, caller: Maker, db: ReadSession, settings: WithPayoutSettings
) -> Response:
    """Have the stand-in bank write a statement of a batch's execution day, with these returns planted (local).

    Money that came in stands on it too, or on a statement of its own where no batch is named.
    """
    _refuse_without_stand_in(settings)
    if body.batch_id is None:
        today = business_date()
        return _xml(lambda: stand_in.statement_of_receipts(settings.debtor_iban, today, _receipts(body, today)))
    batch, file = batch_file(db, open_vault(), body.batch_id)
    returns, rejects = _planted(db, batch.id, body.returns), _planted(db, batch.id, body.rejects)
    return _xml(lambda: stand_in.statement(file, returns, rejects, _receipts(body, batch.execute_on)))


@router.post("/stand-in-bank/status-reports", response_class=Response, responses=_XML_ANSWER)
def post_stand_in_status_report(
    body: StandInIn, caller: Maker, db: ReadSession, settings: WithPayoutSettings
) -> Response:
    """Have the stand-in bank write its status report on a batch's file, with these rejections (local only)."""
    _refuse_without_stand_in(settings)
    _, file = batch_file(db, open_vault(), body.batch_id)
    rejects = _planted(db, body.batch_id, body.rejects)
    return _xml(lambda: stand_in.status_report(file, rejects))


def _refuse_without_stand_in(settings: PayoutSettings) -> None:
    if settings.bank != "stand-in":
        raise NoStandInBank("Op deze installatie is er geen nagebootste bank.")


def _receipts(body: StandInStatementIn, day: date) -> list[stand_in.Receipt]:
    return [
        stand_in.Receipt(one.reference, one.amount, one.booked_on or day, one.unstructured) for one in body.receipts
    ]


def _planted(db: Session, batch_id: UUID, planted: list[PlantedIn]) -> dict[str, str]:
    named: dict[str, str] = {}
    for one in planted:
        if one.end_to_end_id is not None:
            named[one.end_to_end_id] = one.reason
        elif one.line_id is not None:
            named[rules.end_to_end_id(one.line_id)] = one.reason
        else:
            paid = one.holder or one.payee
            assert paid is not None
            named[queries.payment_of_holder(db, batch_id, paid) or str(paid)] = one.reason
    return named


def _xml(make: Callable[[], bytes]) -> Response:
    try:
        return Response(make(), media_type="application/xml")
    except MalformedMessage as error:
        raise StandInRefused(str(error), code=error.code) from None
