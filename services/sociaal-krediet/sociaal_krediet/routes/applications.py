"""Applications and decisions over HTTP (SK-1, SK-6 to SK-8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import Command, IdempotentCommand, KeyReused
from foundation.identifiers import identifier
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.refusals import Conflict, Unavailable
from foundation.schemas import PageOut
from sociaal_krediet.actions import applying, deciding
from sociaal_krediet.actions.applying import KnownPayee
from sociaal_krediet.queries import applications, households
from sociaal_krediet.refusals import CreditorRefused
from sociaal_krediet.routes import texts
from sociaal_krediet.routes.visibility import visible_application, visible_gift
from sociaal_krediet.rules.schedules import refusal_of_terms, split
from sociaal_krediet.schemas.applications import (
    ApplicationIn,
    ApplicationOut,
    ApplicationSummaryOut,
    CapOut,
    CheckedOut,
    CreditorIn,
    CreditorOut,
    DecidedOut,
    DecisionIn,
    DocumentOut,
    DraftIn,
    GiftOut,
    MissingOut,
    SubmittedOut,
    WithdrawnOut,
)
from wallet_contract.client import WalletClient

router = APIRouter(tags=["applications"])

PAYEE_ID_REUSED = "payeeIdReused"

Helper = Annotated[Caller, require(Role.HELPER)]
Officer = Annotated[Caller, require(Role.CASEWORKER)]
Reader = Annotated[
    Caller,
    require(Role.PASS_HOLDER, Role.HELPER, Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_MAKER, Role.FINANCE_CHECKER),
]


@router.post("/application-checks", response_model=CheckedOut)
def post_check(body: DraftIn, caller: Helper, command: IdempotentCommand) -> Response:
    """Say what an application still lacks while it is being filled in, and whether it stays below the cap."""

    def act(db: Session) -> CheckedOut:
        still = applying.still_missing(body)
        test = None
        if body.household is not None and body.household.size is not None:
            members = {*body.household.members, *([body.holder_id] if body.holder_id else [])}
            test = applying.cap_of(db, body.household.size, sorted(members), body.amount or 0)
        return CheckedOut(
            complete=not still and (test is None or not test.over),
            missing=[MissingOut.model_validate(one) for one in still],
            cap=None if test is None else CapOut.model_validate(test),
            instalment=_instalment(body),
        )

    return command.once(applying.without_ibans(body), act, 200)


def _instalment(body: DraftIn) -> int | None:
    if body.kind != "loan" or body.amount is None or body.months is None:
        return None
    return None if refusal_of_terms(body.amount, body.months) else split(body.amount, body.months)[0]  # type: ignore[arg-type]


@router.post("/applications", status_code=201, response_model=SubmittedOut)
def post_application(request: Request, body: ApplicationIn, caller: Helper, command: IdempotentCommand) -> Response:
    """Apply for a loan or gift in a resident's name. The creditors' accounts go to the wallet, which keeps them."""
    wallet: WalletClient = request.app.state.wallet
    refusal: Conflict | None = None
    payees: list[KnownPayee] = []
    try:
        with command.database.reading() as db:
            applying.check(db, body, caller)
        _check_holders(wallet, body, caller)
    except Conflict as conflict:
        # What cannot be is refused below, and remembered; its creditors' accounts are not kept for nothing.
        refusal = conflict
    else:
        payees = _register_payees(wallet, body.creditors, command)

    def act(db: Session) -> SubmittedOut:
        if refusal is not None:
            raise refusal
        application = applying.apply_for(db, body, payees, caller)
        return SubmittedOut(id=application.id, number=application.number)

    return command.once(applying.without_ibans(body), act)


def _check_holders(wallet: WalletClient, body: ApplicationIn, caller: Caller) -> None:
    members = applying.members_of(body)
    try:
        applying.refuse_unknown(body, wallet.unknown_holders(members, on_behalf_of=caller.subject))
    except DeliveryFailed as failed:
        raise Unavailable("De bewoners kunnen nu niet worden opgezocht. Probeer het zo opnieuw.") from failed


def _register_payees(wallet: WalletClient, creditors: Sequence[CreditorIn], command: Command) -> list[KnownPayee]:
    """Have the wallet keep each creditor's account; a repetition of the request finds the same ones."""
    found = []
    for index, creditor in enumerate(creditors):
        payee_id = uuid5(NAMESPACE_URL, "/".join([*command.place, str(index)]))
        content = {
            "id": str(payee_id),
            "name": creditor.name,
            "iban": creditor.iban.get_secret_value(),
            "reference": creditor.reference,
        }
        try:
            kept = wallet.create_payee(content, key=f"payee/{payee_id}", on_behalf_of=command.caller.subject)
        except DeliveryRefused as refused:
            # The second one says so for as long as the payee exists, the first as long as its key is kept.
            if refused.code in (KeyReused.code, PAYEE_ID_REUSED):
                raise KeyReused(
                    "Deze Idempotency-Key hoort bij een aanvraag met andere schuldeisers. Neem een nieuwe sleutel.",
                    pointer=f"/creditors/{index}",
                ) from refused
            raise CreditorRefused(
                f"{creditor.name}: {refused.message}", code=refused.code, pointer=f"/creditors/{index}/iban"
            ) from refused
        except DeliveryFailed as failed:
            raise Unavailable("De rekeningen kunnen nu niet worden opgeslagen. Probeer het zo opnieuw.") from failed
        found.append(KnownPayee(UUID(kept["id"]), UUID(kept["ibanId"])))
    return found


@router.get("/applications")
def get_applications(
    request: Request,
    response: Response,
    caller: Annotated[Caller, require(Role.HELPER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    state: Annotated[Literal["submitted", "decided", "withdrawn"] | None, Query()] = None,
    holder_id: Annotated[str | None, Query(alias="holderId", max_length=100)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[ApplicationSummaryOut]:
    """List applications, newest first; a helper sees their own."""
    own = None if caller.has(Role.CASEWORKER, Role.AUDITOR) else caller.subject
    position = decode_cursor(cursor, number=int)
    sought = applications.Sought(own, state, holder_id)
    rows = applications.page(db, sought, position["number"] if position else None, limit + 1)
    following = encode_cursor({"number": rows[limit - 1].number}) if len(rows) > limit else None
    link_next(request, response, following)
    return PageOut(items=[ApplicationSummaryOut.model_validate(row) for row in rows[:limit]], next_cursor=following)


@router.get("/applications/{application_id}")
def get_application(request: Request, application_id: str, caller: Reader, db: ReadSession) -> ApplicationOut:
    """Give an application with its creditors, its decision and what the household may still borrow."""
    row = visible_application(db, caller, application_id)
    members = households.members(db, row.id)
    decision = applications.decision_of(db, row.id)
    loan, gift = applications.loan_of(db, row.id), applications.gift_of(db, row.id)
    return ApplicationOut(
        **ApplicationSummaryOut.model_validate(row).model_dump(),
        household_size=row.household_size,
        members=members,
        acute_need=row.acute_need,
        perspective=row.perspective,
        advice=row.advice,
        consent_given_on=row.consent_given_on,
        cap=CapOut.model_validate(applying.cap_of(db, row.household_size, members)),
        creditors=[CreditorOut.model_validate(one) for one in applications.creditors(db, row.id)],
        documents=[DocumentOut.model_validate(one) for one in applications.documents(db, row.id)],
        decision=None
        if decision is None
        else texts.decision_out(db, row, decision, request.app.state.objection_address),
        loan_id=loan.id if loan else None,
        gift_id=gift.id if gift else None,
    )


@router.post("/applications/{application_id}/withdrawals", response_model=WithdrawnOut)
def post_withdrawal(application_id: str, caller: Helper, command: IdempotentCommand) -> Response:
    """Withdraw one's own application, as long as nobody decided on it."""
    return command.once(
        None, lambda db: WithdrawnOut(id=applying.withdraw(db, identifier(application_id), caller).id), 200
    )


@router.post("/applications/{application_id}/decisions", status_code=201, response_model=DecidedOut)
def post_decision(application_id: str, body: DecisionIn, caller: Officer, command: IdempotentCommand) -> Response:
    """Decide on an application that somebody else made: a loan, a gift or a refusal, with the reason."""

    def act(db: Session) -> DecidedOut:
        decided = deciding.decide(db, identifier(application_id), body, caller)
        return DecidedOut(
            id=decided.decision.id,
            outcome=body.outcome,
            loan_id=decided.loan.id if decided.loan else None,
            gift_id=decided.gift.id if decided.gift else None,
            object_until=decided.decision.object_until,
        )

    return command.once(body, act)


@router.get("/gifts/{gift_id}")
def get_gift(gift_id: str, caller: Reader, db: ReadSession) -> GiftOut:
    """Give a gift with whom it is paid to."""
    gift = visible_gift(db, caller, gift_id)
    return GiftOut(
        id=gift.id,
        holder_id=gift.holder_id,
        amount=gift.amount,
        given_on=gift.given_on,
        booked_on=gift.booked_on,
        problem=gift.problem,
        creditors=[CreditorOut.model_validate(one) for one in applications.creditors(db, gift.application_id)],
    )
