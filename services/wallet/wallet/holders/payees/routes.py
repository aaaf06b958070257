"""Payees over HTTP: services and caseworkers register them; two people answer for each account (PO-6, SK-6)."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from wallet.holders.actions import propose_iban, read_iban, refuse_iban, set_blocked
from wallet.holders.masking import keyed
from wallet.holders.payees import actions, queries
from wallet.holders.payees.refusals import NobodyNamed, PayeeNotFound
from wallet.holders.payees.schemas import (
    ConfirmedIbanOut,
    PayeeBlockOut,
    PayeeConfirmationIn,
    PayeeIn,
    RegisteredPayeeOut,
)
from wallet.holders.queries import IBAN_FIELD
from wallet.holders.refusals import IbanNotFound
from wallet.holders.schemas import IbanIn, ProposedOut, ReasonIn, RefusedIbanOut
from wallet.holders.vault import open_vault
from wallet.ledger.refusals import OutsideScope
from wallet.ledger.rules import may_owe_providers

router = APIRouter(tags=["payees"])

Registrar = Annotated[Caller, require(Role.SERVICE, Role.CASEWORKER)]
Service = Annotated[Caller, require(Role.SERVICE)]
Caseworker = Annotated[Caller, require(Role.CASEWORKER)]


@router.post("/payees", status_code=201, response_model=RegisteredPayeeOut)
def post_payee(body: PayeeIn, caller: Registrar, command: IdempotentCommand) -> Response:
    """Register whom a scheme owes; its IBAN waits for a second person."""
    vault = open_vault()
    scheme, person = own_scheme(caller), _person(caller)
    iban = read_iban(body.iban.get_secret_value()) or ""
    new = actions.NewPayee(body.id, body.name, iban, body.reference, scheme)

    def act(db: Session) -> RegisteredPayeeOut:
        payee, proposed = actions.register_payee(db, vault, new, person)
        return RegisteredPayeeOut.model_validate({"id": payee.id, "iban_id": proposed.id, "state": proposed.state})

    # Keyed as with a person: a name or a reference is soon guessed where its plain hash is kept.
    same = {
        "id": str(new.id),
        "name": keyed(vault, "display-name", new.name),
        "iban": keyed(vault, IBAN_FIELD, new.iban),
        "reference": keyed(vault, "reference", new.reference or ""),
    }
    return command.once(same, act)


@router.post("/payees/{payee_id}/ibans", status_code=202, response_model=ProposedOut)
def post_payee_iban(payee_id: str, body: IbanIn, caller: Registrar, command: IdempotentCommand) -> Response:
    """Propose another account; it replaces the one before only once it is confirmed and past cooling-off (PO-6)."""
    known, scheme, person = _id(payee_id), own_scheme(caller), _person(caller)
    vault = open_vault()
    iban = read_iban(body.iban.get_secret_value()) or ""

    def act(db: Session) -> ProposedOut:
        return ProposedOut(id=propose_iban(db, vault, queries.payee(db, known, scheme), iban, person).id)

    return command.once({"iban": keyed(vault, IBAN_FIELD, iban)}, act, 202)


@router.post("/payees/{payee_id}/confirmations", response_model=ConfirmedIbanOut)
def post_payee_confirmation(
    payee_id: str, body: PayeeConfirmationIn, caller: Service, command: IdempotentCommand
) -> Response:
    """Confirm an account for the officer who decided, another person than who entered it; caseworkers do so themselves."""
    known, scheme, person = _id(payee_id), own_scheme(caller), _person(caller)

    def act(db: Session) -> ConfirmedIbanOut:
        iban = actions.confirm_iban(db, queries.payee(db, known, scheme), body.iban_id, person)
        return ConfirmedIbanOut.model_validate({"iban_id": iban.id, "usable_from": iban.usable_from})

    return command.once(body, act, 200)


@router.post("/payees/{payee_id}/ibans/{iban_id}/rejections", response_model=RefusedIbanOut)
def post_payee_iban_rejection(
    payee_id: str, iban_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand
) -> Response:
    """Turn a proposed IBAN down, with a reason."""
    known, iban = _id(payee_id), identifier(iban_id)
    if iban is None:
        raise IbanNotFound("Deze IBAN is er hier niet.")

    def act(db: Session) -> RefusedIbanOut:
        refuse_iban(db, queries.payee(db, known).id, iban, body.reason, caller.subject)
        return RefusedIbanOut(id=iban)

    return command.once(body, act, 200)


@router.post("/payees/{payee_id}/blocks", status_code=201, response_model=PayeeBlockOut)
def post_payee_block(payee_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Stop the payments to a payee, with a reason; what it is owed stays its own."""
    return _set_blocked(_id(payee_id), True, body, caller, command, 201)


@router.post("/payees/{payee_id}/unblockings", response_model=PayeeBlockOut)
def post_payee_unblocking(payee_id: str, body: ReasonIn, caller: Caseworker, command: IdempotentCommand) -> Response:
    """Let the payments to a payee go again, with a reason."""
    return _set_blocked(_id(payee_id), False, body, caller, command, 200)


def _set_blocked(
    payee_id: UUID, blocked: bool, body: ReasonIn, caller: Caller, command: IdempotentCommand, status_code: int
) -> Response:
    def act(db: Session) -> PayeeBlockOut:
        set_blocked(db, queries.payee(db, payee_id), blocked, body.reason, caller.subject)
        return PayeeBlockOut(payee=payee_id, blocked=blocked)

    return command.once(body, act, status_code)


def own_scheme(caller: Caller) -> str | None:
    """Give the scheme whose payees this caller may touch, None for people, who may all. Raises `OutsideScope`."""
    if not caller.has(Role.SERVICE):
        return None
    if caller.service is None or not may_owe_providers(caller.service):
        raise OutsideScope(f"Dienst {caller.service or caller.subject} heeft geen begunstigden om te betalen.")
    return caller.service


def _person(caller: Caller) -> str:
    """Give who answers for this act: one of the two people is never a service."""
    if caller.service is None:
        return caller.subject
    if not caller.on_behalf_of:
        raise NobodyNamed("Een dienst doet dit namens iemand. Noem die persoon in het token.")
    return caller.on_behalf_of


def _id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise PayeeNotFound
    return known
