"""Payout batches over HTTP: one person drafts, submits and sends; another approves (PO-1 to PO-4)."""

from __future__ import annotations

import base64
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import Session

from foundation.access import Caller, Role, require
from foundation.database import ReadSession
from foundation.idempotency import IdempotentCommand
from foundation.identifiers import identifier
from foundation.pages import DEFAULT_LIMIT, CursorParam, Limit, decode_cursor, encode_cursor, link_next
from foundation.schemas import PageOut
from wallet.holders.queries import IBAN_FIELD
from wallet.holders.rules import masked_iban
from wallet.holders.vault import Sealed, open_vault
from wallet.payouts import actions, queries, rules
from wallet.payouts.bank_messages.reasons import reason_text
from wallet.payouts.bank_messages.routes import router as bank_router
from wallet.payouts.files import batch_file
from wallet.payouts.payees.routes import router as payee_router
from wallet.payouts.refusals import BatchNotFound
from wallet.payouts.schemas import (
    ApprovalIn,
    ApprovalOut,
    ApprovedOut,
    BatchIn,
    BatchOut,
    BatchStateName,
    BatchSummaryOut,
    DraftedOut,
    EventOut,
    ExcludedOut,
    ExcludedPayeeOut,
    LineOut,
    LinesOfStateOut,
    LineStateName,
    SendingIn,
    SentOut,
    SubmittedOut,
    WithdrawnOut,
)
from wallet.payouts.settings import WithPayoutSettings

router = APIRouter(tags=["payouts"])

Maker = Annotated[Caller, require(Role.FINANCE_MAKER)]
Checker = Annotated[Caller, require(Role.FINANCE_CHECKER)]
Reader = Annotated[Caller, require(Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]


@router.post("/payout-batches", status_code=201, response_model=DraftedOut)
def post_batch(body: BatchIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Draft a batch: every purse and payable that can be paid becomes a line, every other is listed with its reason."""

    def act(db: Session) -> DraftedOut:
        batch, excluded = actions.draft_batch(
            db, caller.subject, body.purse, body.execute_on, body.holders, body.payees
        )
        return DraftedOut(
            id=batch.id, number=batch.number, state="draft", purse=batch.purse, asset=batch.asset,
            execute_on=batch.execute_on, lines=batch.lines, total=batch.total,
            excluded=[_excluded_out(candidate, reason) for candidate, reason in excluded],
        )  # fmt: skip

    return command.once(body, act)


@router.post("/payout-batches/{batch_id}/submissions", response_model=SubmittedOut)
def post_submission(batch_id: str, caller: Maker, command: IdempotentCommand, settings: WithPayoutSettings) -> Response:
    """Freeze a draft: hold each line's money, as much as the purse has now, and hash the content for the checker."""
    known = _id(batch_id)
    while command.database.run(lambda db: actions.hold_next_chunk(db, known, caller)):
        pass

    def act(db: Session) -> SubmittedOut:
        batch = actions.finish_submission(db, known, caller, settings.municipality_name, settings.debtor_iban)
        dropped = queries.line_counts(db, known).get("dropped", (0, 0))[0]
        return SubmittedOut(
            id=batch.id, state="submitted", content_hash=_hex(batch.content_hash) or "", lines=batch.lines,
            total=batch.total, dropped=dropped, approvals_needed=batch.approvals_needed or 1,
        )  # fmt: skip

    return command.once(None, act, 200)


@router.post("/payout-batches/{batch_id}/approvals", response_model=ApprovedOut)
def post_approval(batch_id: str, body: ApprovalIn, caller: Checker, command: IdempotentCommand) -> Response:
    """Approve exactly the content with this hash, made by somebody else."""
    known = _id(batch_id)

    def act(db: Session) -> ApprovedOut:
        batch = actions.approve(db, known, caller, bytes.fromhex(body.content_hash))
        return ApprovedOut(
            id=batch.id, state="approved" if batch.state == rules.BatchState.APPROVED else "submitted",
            content_hash=_hex(batch.content_hash) or "", approvals=len(queries.approvals(db, known)),
            approvals_needed=batch.approvals_needed or 1,
        )  # fmt: skip

    return command.once(body, act, 200)


@router.post("/payout-batches/{batch_id}/sendings", response_model=SentOut)
def post_sending(batch_id: str, body: SendingIn, caller: Maker, command: IdempotentCommand) -> Response:
    """Post an approved batch to the bank and make its file; asked again after a crash it goes on where it was."""
    known = _id(batch_id)
    vault = open_vault()
    while command.database.run(lambda db: actions.send_next_chunk(db, known, caller, body.channel)):
        pass

    def act(db: Session) -> SentOut:
        batch = actions.finish_sending(db, vault, known, caller)
        return SentOut(
            id=batch.id, state="sent", channel=batch.channel or "", message_id=rules.message_id(batch.id),
            sha256=_hex(batch.file_sha256) or "", lines=batch.lines, total=batch.total,
        )  # fmt: skip

    return command.once(body, act, 200)


@router.post("/payout-batches/{batch_id}/withdrawals", response_model=WithdrawnOut)
def post_withdrawal(batch_id: str, caller: Maker, command: IdempotentCommand) -> Response:
    """Withdraw a batch that is not being sent: all that it holds is let go."""
    known = _id(batch_id)
    while command.database.run(lambda db: actions.release_next_chunk(db, known, caller)):
        pass

    def act(db: Session) -> WithdrawnOut:
        return WithdrawnOut(id=actions.finish_withdrawal(db, known, caller).id, state="withdrawn")

    return command.once(None, act, 200)


@router.get("/payout-batches")
def get_batches(
    request: Request,
    response: Response,
    caller: Reader,
    db: ReadSession,
    state: Annotated[BatchStateName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[BatchSummaryOut]:
    """List batches, newest first."""
    position = decode_cursor(cursor, number=int)
    found = queries.batches_page(db, state, position["number"] if position else None, limit + 1)
    following = encode_cursor({"number": found[limit - 1].number}) if len(found) > limit else None
    link_next(request, response, following)
    return PageOut(items=[BatchSummaryOut.model_validate(batch) for batch in found[:limit]], next_cursor=following)


@router.get("/payout-batches/{batch_id}")
def get_batch(batch_id: str, caller: Reader, db: ReadSession) -> BatchOut:
    """Give a batch with its approvals, its lines counted per state, and what happened with it."""
    batch = queries.batch(db, _id(batch_id))
    return BatchOut(
        **BatchSummaryOut.model_validate(batch).model_dump(),
        content_hash=_hex(batch.content_hash),
        approvals_needed=batch.approvals_needed,
        approvals=[ApprovalOut.model_validate(approval) for approval in queries.approvals(db, batch.id)],
        per_state=_per_state(queries.line_counts(db, batch.id)),
        message_id=rules.message_id(batch.id),
        file_sha256=_hex(batch.file_sha256),
        bank_status=batch.bank_status,
        events=[EventOut.model_validate(event) for event in queries.events(db, batch.id)],
    )


@router.get("/payout-batches/{batch_id}/lines")
def get_lines(
    request: Request,
    response: Response,
    batch_id: str,
    caller: Reader,
    db: ReadSession,
    state: Annotated[LineStateName | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: CursorParam = None,
) -> PageOut[LineOut]:
    """List the lines of a batch in the order of its file, each with its state and, where it came back, the reason."""
    batch = queries.batch(db, _id(batch_id))
    position = decode_cursor(cursor, holder=str)
    after = identifier(position["holder"]) if position else None
    found = queries.lines_page(db, batch.id, state, after, limit + 1)
    following = encode_cursor({"holder": str(found[limit - 1].holder_id)}) if len(found) > limit else None
    link_next(request, response, following)
    vault = open_vault()
    items = []
    for row in found[:limit]:
        sealed = Sealed(row.ciphertext, row.nonce, row.key_id)
        items.append(
            LineOut(
                id=row.id,
                line_no=row.line_no,
                holder=row.holder_id if row.holder_kind == rules.HolderKind.PERSON else None,
                payee=row.holder_id if row.holder_kind == rules.HolderKind.PAYEE else None,
                name=row.creditor_name or row.display_name,
                reference=row.reference if row.hold_id is not None else row.known_reference,
                iban=masked_iban(vault.open(row.holder_id, f"{IBAN_FIELD}:{row.iban_id}", sealed)),
                amount=row.amount,
                asset=row.asset,
                end_to_end_id=row.end_to_end_id,
                state=row.state,
                reason=row.reason,
                reason_text=reason_text(row.reason),
                bank_status=row.bank_status,
            )
        )
    return PageOut(items=items, next_cursor=following)


@router.get(
    "/payout-batches/{batch_id}/pain001", response_class=Response, responses={200: {"content": {"application/xml": {}}}}
)
def get_pain001(batch_id: str, caller: Reader, db: ReadSession) -> Response:
    """Give the SEPA file of a sent batch, the same bytes each time, with its SHA-256 in the headers."""
    batch, content = batch_file(db, open_vault(), _id(batch_id))
    assert batch.file_sha256 is not None
    digest = base64.b64encode(batch.file_sha256).decode()
    headers = {
        "Repr-Digest": f"sha-256=:{digest}:",
        "Content-SHA256": batch.file_sha256.hex(),
        "Content-Disposition": f'attachment; filename="uitbetaling-{batch.number}.xml"',
    }
    return Response(content, media_type="application/xml", headers=headers)


def _excluded_out(candidate: rules.Candidate, reason: rules.Exclusion) -> ExcludedOut | ExcludedPayeeOut:
    if candidate.kind is rules.HolderKind.PAYEE:
        return ExcludedPayeeOut(payee=candidate.holder_id, reason=reason.value)
    return ExcludedOut(holder=candidate.holder_id, reason=reason.value)


def _per_state(counts: dict[str, tuple[int, int]]) -> list[LinesOfStateOut]:
    return [
        LinesOfStateOut(state=state.value, lines=counts[state][0], total=counts[state][1])
        for state in rules.LineState
        if state in counts
    ]


def _id(text: str) -> UUID:
    known = identifier(text)
    if known is None:
        raise BatchNotFound
    return known


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


router.include_router(bank_router)
router.include_router(payee_router)
