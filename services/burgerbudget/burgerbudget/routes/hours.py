"""Reporting hours, one by one and in files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from burgerbudget.actions import hours, imports
from burgerbudget.hour_fields import hours_number
from burgerbudget.hours_files import COLUMNS
from burgerbudget.models import Hour
from burgerbudget.queries import hours as hour_queries
from burgerbudget.queries import participants
from burgerbudget.refusals import HourUnreadable, UnknownHour, UnknownImport
from burgerbudget.routes.bells import ring_imports
from burgerbudget.routes.visibility import may_see_participant
from burgerbudget.rules import HourCode
from burgerbudget.schemas import CorrectionIn, HourIn, HourOut
from foundation import file_work
from foundation.access import Caller, Role, require
from foundation.database import ReadSession, after_commit
from foundation.file_work.intake import MAX_FILE_BYTES, Arrived, BatchAcceptedOut, BatchOut, DryRun, Partial, take_file
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.row_files import RawRow

router = APIRouter(tags=["hours"])


@router.post("/hours", status_code=201, response_model=HourOut)
def post_hour(
    body: HourIn, caller: Annotated[Caller, require(Role.ORGANISATION)], command: IdempotentCommand
) -> Response:
    """Report one row of hours; the same row again is answered with 200 and the row that was accepted."""
    raw = RawRow(1, (body.external_id, body.participant_number, body.worked_on, body.hours, body.activity))
    is_new = True

    def act(db: Session) -> HourOut:
        nonlocal is_new
        row, is_new = hours.report_hour(db, identifier(caller.organisation_id or ""), raw, caller.actor)
        return HourOut.of(row)

    return command.once(body, act, lambda: 201 if is_new else 200)


@router.get("/hours/{hour_id}")
def get_hour(
    hour_id: str,
    caller: Annotated[Caller, require(Role.ORGANISATION, Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
) -> HourOut:
    """Show one row of hours."""
    key = identifier(hour_id)
    row = None if key is None else hour_queries.find(db, key)
    if row is None or not _may_see(db, caller, row):
        raise UnknownHour(f"Uurregel {hour_id} is niet bekend.")
    return HourOut.of(row)


def _may_see(db: Session, caller: Caller, row: Hour) -> bool:
    if caller.has(Role.ORGANISATION) and caller.organisation_id == str(row.organisation_id):
        return True
    participant = participants.find(db, row.participant_number)
    return participant is not None and may_see_participant(caller, participant)


@router.post("/hours/{hour_id}/corrections", status_code=201, response_model=HourOut)
def post_correction(
    hour_id: str, body: CorrectionIn, caller: Annotated[Caller, require(Role.ORGANISATION)], command: IdempotentCommand
) -> Response:
    """Correct the hours of an accepted row, by a new row that names the old; nothing is claimed back (BB-8)."""
    key = identifier(hour_id)
    if key is None:
        raise UnknownHour(f"Uurregel {hour_id} is niet bekend.")
    number = hours_number(body.hours.strip())
    if number is None:
        raise HourUnreadable(
            "hours is geen getal; schrijf bijvoorbeeld 2,75.", pointer="/hours", code=HourCode.MALFORMED
        )
    corrected = number

    def act(db: Session) -> HourOut:
        organisation_id = identifier(caller.organisation_id or "")
        return HourOut.of(hours.correct_hour(db, organisation_id, key, corrected, body.reason, caller.actor))

    return command.once(body, act)


@router.post("/hours/batches", status_code=202, response_model=BatchAcceptedOut, max_body_size=MAX_FILE_BYTES + 1)
async def post_batch(
    request: Request,
    caller: Annotated[Caller, require(Role.ORGANISATION)],
    command: IdempotentCommand,
    dry_run: DryRun = False,
    partial: Partial = False,
) -> Response:
    """Take in a file of hours (CSV or JSON, at most 100 MiB); how far it is, its own address tells."""

    def act(db: Session, arrived: Arrived) -> BatchAcceptedOut:
        row = imports.receive_file(db, identifier(caller.organisation_id or ""), arrived, caller.actor)
        after_commit(db, lambda: ring_imports(request))
        return BatchAcceptedOut(id=str(row.id))

    return await take_file(request, command, COLUMNS, act, dry_run=dry_run, partial=partial)


@router.get("/hours/batches/{batch_id}")
def get_batch(batch_id: str, caller: Annotated[Caller, require(Role.ORGANISATION)], db: ReadSession) -> BatchOut:
    """Tell how far a file is, with every row that was not accepted."""
    key = identifier(batch_id)
    row = None if key is None else file_work.find(db, imports.FILES, key)
    if row is None or str(row.organisation_id) != caller.organisation_id:
        raise UnknownImport(f"Bestand {batch_id} is niet bekend.")
    return BatchOut.of(row, file_work.outcomes(db, imports.FILES, row.id))
