"""Reversals over HTTP: proposed at the transfer, confirmed or rejected by somebody else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.idempotency import IdempotentCommand
from wallet.ledger.actions.reading import proposal_id_in
from wallet.ledger.corrections import actions
from wallet.ledger.corrections.schemas import ReversalIn
from wallet.ledger.schemas import ConfirmationIn, DecidedOut, ProposedOut, RejectionIn

router = APIRouter(tags=["ledger"])

Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
Id = Annotated[str, Path(max_length=60)]


@router.post("/transfers/{transfer_id}/reversals", status_code=202, response_model=ProposedOut)
def post_reversal(transfer_id: Id, body: ReversalIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Propose to take a transfer back, whole or in part."""
    return command.once(
        body, lambda db: ProposedOut(id=actions.propose_reversal(db, transfer_id, body, caller).id), 202
    )


@router.post(
    "/transfers/{transfer_id}/reversals/{proposal_id}/confirmations", status_code=201, response_model=DecidedOut
)
def post_reversal_confirmation(
    transfer_id: Id, proposal_id: Id, caller: Checker, command: IdempotentCommand, body: ConfirmationIn | None = None
) -> Response:
    """Take a transfer back as somebody else proposed."""

    def confirm(db: Session) -> DecidedOut:
        known = proposal_id_in(proposal_id)
        return DecidedOut.confirmed(known, actions.confirm_reversal(db, known, caller, transfer_id))

    return command.once(body, confirm)


@router.post("/transfers/{transfer_id}/reversals/{proposal_id}/rejections", status_code=201, response_model=DecidedOut)
def post_reversal_rejection(
    transfer_id: Id, proposal_id: Id, body: RejectionIn, caller: Checker, command: IdempotentCommand
) -> Response:
    """End a reversal that somebody else proposed, with a reason."""

    def reject(db: Session) -> DecidedOut:
        known = proposal_id_in(proposal_id)
        actions.reject_reversal(db, known, body.reason, caller, transfer_id)
        return DecidedOut.rejected(known)

    return command.once(body, reject)
