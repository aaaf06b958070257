"""Payees over HTTP, with their accounts masked, what they are owed and what became of their payments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.holders.masking import ibans_out
from wallet.holders.models import Holder
from wallet.holders.payees.queries import ibans_of_payees, payee, payees_page
from wallet.holders.payees.refusals import PayeeNotFound
from wallet.holders.payees.routes import own_scheme
from wallet.ledger.refusals import OutsideScope
from wallet.payouts.bank_messages.reasons import reason_text
from wallet.payouts.payees import queries
from wallet.payouts.payees.schemas import PayableOut, PayeeOut, PaymentOut, SchemeName

router = APIRouter(tags=["payees"])

Reader = Annotated[
    Caller, require(Role.CASEWORKER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR, Role.SERVICE)
]


@router.get("/payees")
def get_payees(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    scheme: Annotated[SchemeName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[PayeeOut]:
    """List payees by id; a service those of its own scheme."""
    own = own_scheme(caller)
    if own is not None and scheme not in (None, own):
        raise OutsideScope(f"Dienst {own} ziet alleen haar eigen begunstigden.")
    position = decode_cursor(cursor, id=str)
    after = identifier(position["id"]) if position else None
    found = payees_page(db, own or scheme, after, limit + 1)
    following = encode_cursor({"id": str(found[limit - 1].id)}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=_payees_out(db, found[:limit]), next_cursor=following)


@router.get("/payees/{payee_id}")
def get_payee(payee_id: str, caller: Reader, db: ReadSession) -> PayeeOut:
    """Give a payee; a service one of its own scheme."""
    known = identifier(payee_id)
    if known is None:
        raise PayeeNotFound
    return _payees_out(db, [payee(db, known, own_scheme(caller))])[0]


def _payees_out(db: Session, found: Sequence[Holder]) -> list[PayeeOut]:
    ids = [one.id for one in found]
    ibans, payables, payments = ibans_of_payees(db, ids), queries.payables(db, ids), queries.payments(db, ids)
    return [
        PayeeOut(
            id=one.id,
            name=one.display_name,
            reference=one.reference,
            scheme=one.scheme,
            blocked=one.blocked,
            registered_on=one.registered_on,
            ibans=ibans_out(ibans[one.id]),
            payables=[PayableOut.model_validate(row) for row in payables[one.id]],
            payments=[
                PaymentOut(
                    batch_id=row.batch_id,
                    line_id=row.line_id,
                    purse=row.purse,
                    state=row.state,
                    amount=row.amount,
                    asset=row.asset,
                    reason=row.reason,
                    reason_text=reason_text(row.reason),
                )
                for row in payments[one.id]
            ],
        )
        for one in found
    ]
