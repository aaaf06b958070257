"""Participants over HTTP: enrolled, checked, moved, ended, and how they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from belkosten.actions import participants
from belkosten.actions.participants import Enrolment, Move
from belkosten.models import Participation
from belkosten.queries import participants as participant_queries
from belkosten.queries.participants import Sought
from belkosten.refusals import UnknownHolder, UnknownParticipant
from belkosten.routes import standing
from belkosten.routes.bells import ring_jobs
from belkosten.routes.months import month_of
from belkosten.routes.visibility import SEES_ALL, visible_participant
from belkosten.rules.products import Product, Standing
from belkosten.rules.products import standing as standing_of
from belkosten.schemas.participants import (
    CheckIn,
    EndingIn,
    EnrolledOut,
    EnrolmentIn,
    MoveIn,
    ParticipantOut,
    ParticipantSummaryOut,
)
from foundation.access import Caller, Role, require
from foundation.clock import business_date
from foundation.database import ReadSession, after_commit, database_of
from foundation.idempotency import IdempotentCommand
from foundation.outbox import DeliveryFailed, DeliveryRefused
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, encode_cursor, id_before, link_next
from foundation.refusals import Conflict, Unavailable
from foundation.schemas import PageOut
from wallet_contract.client import WalletClient

router = APIRouter(tags=["participants"])

Registrar = Annotated[Caller, require(Role.CASEWORKER, Role.HELPER, Role.PASS_HOLDER)]
Reader = Annotated[Caller, require(Role.CASEWORKER, Role.HELPER, Role.PASS_HOLDER, Role.AUDITOR)]


@router.post("/participants", status_code=201, response_model=EnrolledOut)
def post_participant(request: Request, body: EnrolmentIn, caller: Registrar, command: IdempotentCommand) -> Response:
    """Enrol somebody, or oneself; again after an end gives a new period under the same number."""
    if not caller.has(Role.CASEWORKER, Role.HELPER) and caller.holder_id != body.holder_id:
        raise UnknownParticipant
    refusal: Conflict | None = None
    try:
        _check_holder(request, body.holder_id, caller)
    except Conflict as conflict:
        refusal = conflict
    asked = Enrolment(
        body.holder_id, body.product, body.ground, body.from_, body.until, body.neighbourhood, body.provider
    )

    def act(db: Session) -> EnrolledOut:
        if refusal is not None:
            raise refusal
        return _enrolled(request, db, participants.enrol(db, asked, caller))

    return command.once(body, act)


def _check_holder(request: Request, holder_id: str, caller: Caller) -> None:
    with database_of(request).reading() as db:
        if participant_queries.of_holder(db, holder_id) is not None:
            return
    wallet: WalletClient = request.app.state.wallet
    try:
        unknown = wallet.unknown_holders([holder_id], on_behalf_of=caller.subject)
    except (DeliveryFailed, DeliveryRefused) as failed:
        raise Unavailable(
            "De bewoner kan nu niet worden opgezocht. Probeer het zo opnieuw.", headers={"Retry-After": "5"}
        ) from failed
    if unknown:
        raise UnknownHolder(
            f"Wij kennen niemand met nummer {holder_id}. Laat deze bewoner eerst inschrijven.", pointer="/holderId"
        )


def _enrolled(request: Request, db: Session, row: Participation) -> EnrolledOut:
    after_commit(db, lambda: ring_jobs(request))
    found = participant_queries.find(db, row.participant_number)
    assert found is not None, "a participation has its participant"
    return EnrolledOut(
        number=found.number,
        holder_id=found.holder_id,
        product=row.product,
        ground=row.ground,
        from_=row.starts_on,
        until=row.ends_on,
        state=standing_of(participant_queries.stay_of(row), business_date()),
        neighbourhood=found.neighbourhood,
    )


@router.get("/participants")
def get_participants(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    holder_id: Annotated[str | None, Query(alias="holderId", max_length=100)] = None,
    product: Product | None = None,
    state: Standing | None = None,
    month: Annotated[str | None, Query(description="Only who had a product in this month, such as 2026-10.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[ParticipantSummaryOut]:
    """List products with whose they are, the one registered last first; `state=requested` is what waits for a check."""
    sees_all, helps = caller.has(*SEES_ALL), caller.has(Role.HELPER)
    whose = holder_id if sees_all or helps else caller.holder_id or ""
    touched = month_of(month) if month is not None else None
    sought = Sought(
        holder_id=whose,
        helper=caller.subject if helps and not sees_all else None,
        product=product,
        state=state,
        first=touched.start if touched else None,
        last=touched.end if touched else None,
    )
    rows = participant_queries.page(db, sought, business_date(), id_before(cursor), limit + 1)
    following = encode_cursor({"id": str(rows[limit - 1].id)}) if len(rows) > limit else None
    link_next(request, response, following)
    items = [
        ParticipantSummaryOut(
            number=row.participant_number,
            holder_id=row.holder_id,
            product=row.product,
            ground=row.ground,
            from_=row.starts_on,
            until=row.ends_on,
            state=row.standing,
            neighbourhood=row.neighbourhood,
            registered_on=row.registered_on,
        )
        for row in rows[:limit]
    ]
    return PageOut(items=items, next_cursor=following)


@router.get("/participants/{number}")
def get_participant(request: Request, number: str, caller: Reader) -> ParticipantOut:
    """Give a participant: what they have and had, and how many minutes and how much money are left."""
    with database_of(request).reading() as db:
        known = standing.known_of(db, visible_participant(db, caller, number))
    return standing.participant_out(known, standing.credit_left(request.app.state.wallet, known))


def _changed(
    request: Request, number: str, caller: Caller, act: Callable[[Session], Participation]
) -> Callable[[Session], EnrolledOut]:
    def change(db: Session) -> EnrolledOut:
        visible_participant(db, caller, number)
        return _enrolled(request, db, act(db))

    return change


@router.post("/participants/{number}/ground-checks", status_code=201, response_model=EnrolledOut)
def post_ground_check(
    request: Request,
    number: str,
    body: CheckIn,
    caller: Annotated[Caller, require(Role.CASEWORKER)],
    command: IdempotentCommand,
) -> Response:
    """Decide on what somebody asked for themselves."""
    return command.once(
        body,
        _changed(
            request,
            number,
            caller,
            lambda db: participants.check_ground(db, number, body.outcome, body.reason, caller),
        ),
    )


@router.post("/participants/{number}/product-changes", status_code=201, response_model=EnrolledOut)
def post_product_change(
    request: Request, number: str, body: MoveIn, caller: Registrar, command: IdempotentCommand
) -> Response:
    """Move to another product at the turn of a month."""
    asked = Move(body.product, body.from_, body.ground, body.provider)
    return command.once(
        body, _changed(request, number, caller, lambda db: participants.move(db, number, asked, caller))
    )


@router.post("/participants/{number}/endings", status_code=201, response_model=EnrolledOut)
def post_ending(
    request: Request, number: str, body: EndingIn, caller: Registrar, command: IdempotentCommand
) -> Response:
    """End what somebody has, on a day that is not past."""
    return command.once(
        body,
        _changed(request, number, caller, lambda db: participants.end(db, number, body.until, body.reason, caller)),
    )


@router.post("/participants/{number}/withdrawals", status_code=201, response_model=EnrolledOut)
def post_withdrawal(request: Request, number: str, caller: Registrar, command: IdempotentCommand) -> Response:
    """Take back what waits for a check, or has not begun; after a planned move the product before goes on."""
    return command.once(None, _changed(request, number, caller, lambda db: participants.withdraw(db, number, caller)))
