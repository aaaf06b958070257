"""Changes of a loan over HTTP: pause, lower instalments, remission, write-off (SK-7, SK-9).

With `preview=true` each answers with the schedule as it would be and does nothing. What needs a second person is
answered with 202 and carried out by its confirmation.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import Command, IdempotentCommand
from foundation.identifiers import identifier
from foundation.money import Cents
from sociaal_krediet.actions import changing
from sociaal_krediet.actions.changing import Change, Changed
from sociaal_krediet.routes.loans import instalments_out
from sociaal_krediet.routes.visibility import loan_id_of
from sociaal_krediet.schemas.changes import ChangedOut, PauseIn, ReasonIn, RemissionIn, RescheduleIn, WriteOffIn
from sociaal_krediet.schemas.loans import PreviewOut

router = APIRouter(tags=["changes of a loan"])

Officer = Annotated[Caller, require(Role.CASEWORKER)]
Preview = Annotated[bool, Query(description="Only show the schedule as it would be.")]
Asked = ChangedOut | PreviewOut


@router.post("/loans/{loan_id}/pauses", status_code=201, response_model=Asked)
def post_pause(
    loan_id: str, body: PauseIn, caller: Officer, command: IdempotentCommand, preview: Preview = False
) -> Response:
    """Let instalments be due later; past month 36 a second person confirms it (SK-9)."""
    change = Change("pause", body.reason, months=body.months, from_on=body.from_on)
    return _ask(loan_id, body, change, caller, command, preview)


@router.post("/loans/{loan_id}/reschedules", status_code=201, response_model=Asked)
def post_reschedule(
    loan_id: str, body: RescheduleIn, caller: Officer, command: IdempotentCommand, preview: Preview = False
) -> Response:
    """Spread all that is unpaid over more months, so that each instalment is lower; past month 36 two people decide."""
    return _ask(loan_id, body, Change("reschedule", body.reason, months=body.months), caller, command, preview)


@router.post("/loans/{loan_id}/remissions", status_code=202, response_model=Asked)
def post_remission(
    loan_id: str, body: RemissionIn, caller: Officer, command: IdempotentCommand, preview: Preview = False
) -> Response:
    """Propose to turn what is outstanding, or a part of it, into a gift (SK-7)."""
    change = Change("remission", body.reason, amount=body.amount, mode=body.mode, ground=body.ground)
    return _ask(loan_id, body, change, caller, command, preview)


@router.post("/loans/{loan_id}/write-offs", status_code=202, response_model=Asked)
def post_write_off(
    loan_id: str, body: WriteOffIn, caller: Officer, command: IdempotentCommand, preview: Preview = False
) -> Response:
    """Propose to write off what will not come in."""
    return _ask(loan_id, body, Change("writeOff", body.reason, amount=body.amount), caller, command, preview)


def _ask(loan_id: str, body: BaseModel, change: Change, caller: Caller, command: Command, preview: bool) -> Response:
    status = 200 if preview else 202

    def act(db: Session) -> BaseModel:
        nonlocal status
        known = loan_id_of(loan_id)
        if preview:
            shown = changing.preview(db, changing.locked_loan(db, known), change)
            return PreviewOut(
                outstanding=shown.after.outstanding,
                mode=change.mode,
                instalments=instalments_out(shown.after),
                needs_second_person=shown.needs_second_person,
            )
        changed = changing.ask(db, known, change, caller)
        status = 202 if changed.state == "proposed" else 201
        return _changed_out(changed)

    return command.once({"preview": preview, **body.model_dump(mode="json", by_alias=True)}, act, lambda: status)


def _changed_out(changed: Changed) -> ChangedOut:
    return ChangedOut.model_validate(
        {
            "id": changed.id,
            "state": changed.state,
            "outstanding": Cents(changed.after.outstanding),
            "instalments": instalments_out(changed.after),
        }
    )


def _add_decisions(path: str, kind: str) -> None:
    """Add the two ways in which a proposal of one kind ends."""

    @router.post(f"/loans/{{loan_id}}/{path}/{{proposal_id}}/confirmations", response_model=ChangedOut)
    def post_confirmation(loan_id: str, proposal_id: str, caller: Officer, command: IdempotentCommand) -> Response:
        """Carry out what another proposed."""
        known = loan_id_of(loan_id)
        return command.once(
            None,
            lambda db: _changed_out(changing.confirm(db, known, identifier(proposal_id), kind, caller)),
            200,
        )

    @router.post(f"/loans/{{loan_id}}/{path}/{{proposal_id}}/rejections", response_model=ChangedOut)
    def post_rejection(
        loan_id: str, proposal_id: str, body: ReasonIn, caller: Officer, command: IdempotentCommand
    ) -> Response:
        """End a proposal, with a reason."""
        known = loan_id_of(loan_id)
        return command.once(
            body,
            lambda db: _changed_out(changing.reject(db, known, identifier(proposal_id), kind, body.reason, caller)),
            200,
        )


for _path, _kind in (
    ("pauses", "pause"),
    ("reschedules", "reschedule"),
    ("remissions", "remission"),
    ("write-offs", "writeOff"),
):
    _add_decisions(_path, _kind)
