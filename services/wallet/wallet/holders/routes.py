"""Persons over HTTP: caseworkers register them and answer for their IBANs; a holder sees their own purses."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, link_next
from foundation.schemas import Day, PageOut
from wallet.holders import actions, queries
from wallet.holders.explanations import explanation
from wallet.holders.masking import ibans_out, keyed
from wallet.holders.payees.routes import router as payee_router
from wallet.holders.refusals import HolderNotFound, IbanNotFound
from wallet.holders.schemas import (
    BlockOut,
    HolderCheckIn,
    HolderCheckOut,
    HolderHoldOut,
    HolderIn,
    HolderOut,
    IbanConfirmationsIn,
    IbanConfirmationsOut,
    IbanIn,
    NotConfirmedOut,
    ProposedOut,
    PurseOut,
    ReasonIn,
    RefusedIbanOut,
    RegisteredOut,
    TransactionOut,
)
from wallet.holders.vault import open_vault
from wallet.ledger.holds.queries import Sought, cursor_after, hold_in_cursor, holds_before
from wallet.ledger.holds.schemas import HoldState
from wallet.ledger.queries import Transaction, purses_of, transactions_of

router = APIRouter(tags=["holders"])

Caseworker = Annotated[Caller, require(Role.CASEWORKER)]
Reader = Annotated[Caller, require(Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)]


@router.post("/holders", status_code=201, response_model=RegisteredOut)
def post_holder(body: HolderIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Register a person. The BSN is encrypted and never given back; an IBAN waits for a second person."""
    vault = open_vault()
    new = actions.NewHolder(
        display_name=body.display_name,
        birth_date=body.birth_date,
        bsn=actions.read_bsn(body.bsn.get_secret_value() if body.bsn else None),
        iban=actions.read_iban(body.iban.get_secret_value() if body.iban else None),
    )

    def act(db: Session) -> RegisteredOut:
        holder, iban = actions.register_holder(db, vault, new, caller.subject)
        return RegisteredOut(
            id=holder.id,
            iban_id=iban.id if iban else None,
            iban_state="proposed" if iban else None,
            registered_on=holder.registered_on,
        )

    # What makes two requests the same is kept as a hash beside the key: keyed, because nine digits are soon guessed.
    same = {
        "displayName": keyed(vault, "display-name", new.display_name),
        "birthDate": keyed(vault, "birth-date", str(new.birth_date)),
        "bsn": keyed(vault, queries.BSN_FIELD, new.bsn or ""),
        "iban": keyed(vault, queries.IBAN_FIELD, new.iban or ""),
    }
    return command.once(same, act)


@router.post("/holder-checks", response_model=HolderCheckOut)
def post_holder_check(
    body: HolderCheckIn, caller: Annotated[Caller, require(Role.SERVICE)], command: IdempotentCommand
) -> Response:
    """Tell a scheme which of these ids belong to nobody; of the others it hears no more than that they are there."""
    return command.once(body, lambda db: HolderCheckOut(unknown=queries.unknown_of(db, body.holders)), 200)


@router.get("/holders/{holder_id}")
def get_holder(holder_id: str, caller: Reader, db: ReadSession) -> HolderOut:
    """Give a person with their IBANs, masked; of the BSN only that there is one."""
    holder = queries.holder(db, visible(holder_id, caller))
    return HolderOut(
        id=holder.id,
        display_name=holder.display_name,
        birth_date=holder.birth_date,
        bsn_known=holder.bsn_index is not None,
        blocked=holder.blocked,
        registered_on=holder.registered_on,
        ibans=ibans_out(queries.ibans_of(db, holder.id)),
    )


@router.post("/holders/{holder_id}/ibans", status_code=202, response_model=ProposedOut)
def post_iban(holder_id: str, body: IbanIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Propose a bank account; it replaces the one before only once it is confirmed and past cooling-off (PO-6)."""
    known = _id(holder_id)
    vault = open_vault()
    iban = actions.read_iban(body.iban.get_secret_value()) or ""

    def act(db: Session) -> ProposedOut:
        return ProposedOut(id=actions.propose_iban(db, vault, queries.holder(db, known), iban, caller.subject).id)

    return command.once({"iban": keyed(vault, queries.IBAN_FIELD, iban)}, act, 202)


@router.post("/iban-confirmations", response_model=IbanConfirmationsOut)
def post_iban_confirmations(body: IbanConfirmationsIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Confirm IBANs that somebody else proposed; each is judged by itself (PO-6)."""

    def act(db: Session) -> IbanConfirmationsOut:
        result = actions.confirm_ibans(db, body.iban_ids, caller.subject)
        return IbanConfirmationsOut(
            confirmed=len(result.confirmed),
            refused=[NotConfirmedOut.model_validate({"iban_id": iban, "code": code}) for iban, code in result.refused],
            usable_from=result.usable_from,
        )

    return command.once(body, act, 200)


@router.post("/holders/{holder_id}/ibans/{iban_id}/rejections", response_model=RefusedIbanOut)
def post_iban_rejection(
    holder_id: str, iban_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand
) -> Response:
    """Turn a proposed IBAN down, with a reason."""
    known, iban = _id(holder_id), identifier(iban_id)
    if iban is None:
        raise IbanNotFound("Deze IBAN is er hier niet.")

    def act(db: Session) -> RefusedIbanOut:
        actions.refuse_iban(db, queries.holder(db, known).id, iban, body.reason, caller.subject)
        return RefusedIbanOut(id=iban)

    return command.once(body, act, 200)


@router.post("/holders/{holder_id}/blocks", status_code=201, response_model=BlockOut)
def post_block(holder_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Stop a person's payouts, with a reason; what their purses hold stays theirs."""
    return _set_blocked(_id(holder_id), True, body, caller, command, 201)


@router.post("/holders/{holder_id}/unblockings", response_model=BlockOut)
def post_unblocking(holder_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Let a person's payouts go again, with a reason."""
    return _set_blocked(_id(holder_id), False, body, caller, command, 200)


@router.get("/holders/{holder_id}/purses")
def get_purses(holder_id: str, caller: Reader, db: ReadSession) -> PageOut[PurseOut]:
    """List a person's purses; one that never held anything is not there yet."""
    holder = queries.holder(db, visible(holder_id, caller))
    items = [
        PurseOut(purse=row.purse, asset=row.asset, balance=row.balance, held=row.held, available=row.available or 0)
        for row in purses_of(db, f"holder:{holder.id}")
        if row.purse is not None
    ]
    return PageOut(items=items)


@router.get("/holders/{holder_id}/holds")
def get_holds(
    request: Request,
    response: Response,
    holder_id: str,
    caller: Reader,
    db: ReadSession,
    state: Annotated[HoldState | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[HolderHoldOut]:
    """List what is and was set apart on a person's purses, newest first; `state=open` is what is held now.

    What is shown in totals only, calls, is listed to the auditor alone; in `held` of a purse everybody sees it.
    """
    holder = queries.holder(db, visible(holder_id, caller))
    sought = Sought(owner=f"holder:{holder.id}", state=state, without_totals=not caller.has(Role.AUDITOR))
    found = holds_before(db, sought, hold_in_cursor(cursor), limit + 1)
    following = cursor_after(found, limit)
    link_next(request, response, following)
    return PageOut(items=[HolderHoldOut.model_validate(row) for row in found[:limit]], next_cursor=following)


@router.get("/holders/{holder_id}/transactions")
def get_transactions(
    request: Request,
    response: Response,
    holder_id: str,
    caller: Reader,
    db: ReadSession,
    purse: Annotated[str | None, Query(max_length=40)] = None,
    from_: Annotated[Day | None, Query(alias="from")] = None,
    to: Annotated[Day | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[TransactionOut]:
    """List what happened on a person's purses, newest first, in words; calls as one line a month."""
    holder = queries.holder(db, visible(holder_id, caller))
    found, following = transactions_of(
        db, f"holder:{holder.id}", purse=purse, from_=from_, to=to, limit=limit, cursor=cursor
    )
    link_next(request, response, following)
    return PageOut(items=[_transaction_out(transaction) for transaction in found], next_cursor=following)


def _set_blocked(
    holder_id: UUID, blocked: bool, body: ReasonIn, caller: Caller, command: IdempotentCommand, status_code: int
) -> Response:
    def act(db: Session) -> BlockOut:
        actions.set_blocked(db, queries.holder(db, holder_id), blocked, body.reason, caller.subject)
        return BlockOut(holder_id=holder_id, blocked=blocked)

    return command.once(body, act, status_code)


def visible(holder_id: str, caller: Caller) -> UUID:
    """Give the id when the caller may see this person; somebody else's and nobody's look the same."""
    known = _id(holder_id)
    if not caller.has(Role.CASEWORKER, Role.AUDITOR) and caller.holder_id != str(known):
        raise HolderNotFound
    return known


def _id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise HolderNotFound
    return known


def _transaction_out(row: Transaction) -> TransactionOut:
    return TransactionOut(
        id=row.id,
        kind=row.kind,
        amount=row.amount,
        asset=row.asset,
        purse=row.purse,
        balance_after=row.balance_after,
        value_date=row.value_date,
        recorded_at=row.recorded_at,
        explanation=explanation(row.explanation, row.reference, row.kind),
        explanation_code=row.explanation,
        reference=row.reference,
    )


router.include_router(payee_router)
