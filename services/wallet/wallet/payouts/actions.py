"""What is done with payout batches: draft, submit, approve, send, withdraw.

Submitting, sending and withdrawing work in chunks, each its own transaction, so that no purse stays locked for long
and a crash costs one chunk. `…_next_chunk` does nothing where its step may not be taken; the closing function of the
step then says why. Every step locks its batch first, so two people's steps on one batch never mix.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from foundation.refusals import Refusal
from wallet.holders.vault import Vault
from wallet.ledger.actions import open_day, open_holds, post, release_holds
from wallet.ledger.postings import EUR, HoldRequest
from wallet.ledger.refusals import TooLittle
from wallet.payouts import lines, postings, queries, rules
from wallet.payouts.files import file_content
from wallet.payouts.lines import DraftedLine
from wallet.payouts.models import Approval, Batch, BatchEvent
from wallet.payouts.parameters import policy_on
from wallet.payouts.refusals import (
    ApprovedAlready,
    BalancesMoving,
    BeingSent,
    BeingWithdrawn,
    ContentChanged,
    HoldersUnknown,
    NoExecutionDay,
    NothingToPay,
    NotTheMaker,
    OwnBatch,
    OwnPayee,
    OwnPayment,
    PayeesUnknown,
    PurseNotPayable,
    WrongHash,
    WrongState,
)
from wallet.payouts.rules import BatchState, Candidate, Exclusion, HolderKind

CHUNK = 10_000
"""Lines per transaction: as many as one journal takes."""
_READS_BEFORE_GIVING_UP = 5


def draft_batch(
    db: Session,
    maker: str,
    purse: str,
    execute_on: date,
    holders: Sequence[UUID] | None = None,
    payees: Sequence[UUID] | None = None,
) -> tuple[Batch, list[tuple[Candidate, Exclusion]]]:
    """Draft a batch of every purse and payable, or of those of these; give it with who is not in it and why.

    Raises `PurseNotPayable`, `NoExecutionDay`, `HoldersUnknown`, `PayeesUnknown`, `OwnPayee`. Nothing is held yet:
    amounts are looked at again when the batch is submitted.
    """
    asset = _payable_asset(db, purse, holders)
    _check_execution_day(execute_on)
    asked = _asked(db, holders, payees)
    batch = Batch(
        id=new_id(),
        purse=purse,
        asset=asset,
        execute_on=execute_on,
        state=BatchState.DRAFT,
        maker=maker,
        drafted_on=business_date(),
        drafted_at=now(),
    )
    db.add(batch)
    db.flush()
    excluded: list[tuple[Candidate, Exclusion]] = []
    after: UUID | None = None
    kinds = rules.PAYABLE[purse].kinds
    while found := lines.candidates(db, purse, kinds, business_date(), asked, after, CHUNK):
        after = found[-1].holder_id
        excluded += _add_lines(db, batch, found)
    db.flush()
    _check_payees(db, batch, maker)
    _note(db, batch, "drafted", maker, lines=batch.lines, total=batch.total, excluded=len(excluded))
    return batch, excluded


def _payable_asset(db: Session, purse: str, holders: Sequence[UUID] | None) -> str:
    asset = queries.purse_asset(db, purse)
    if asset is not None and asset != EUR:
        raise PurseNotPayable(
            f"Purse {purse!r} telt in {asset} en niet in euro's; de bank kan dat niet uitbetalen.", pointer="/purse"
        )
    if asset is None or purse not in rules.PAYABLE:
        payable = ", ".join(rules.PAYABLE)
        raise PurseNotPayable(f"Purse {purse!r} kan niet worden uitbetaald; wel: {payable}.", pointer="/purse")
    if holders is not None and HolderKind.PERSON not in rules.PAYABLE[purse].kinds:
        raise PurseNotPayable(
            f"Purse {purse!r} wordt alleen uitbetaald aan wie het tegoed aannam: noem payees.", pointer="/holders"
        )
    return asset


def _asked(db: Session, holders: Sequence[UUID] | None, payees: Sequence[UUID] | None) -> list[UUID] | None:
    if holders is None and payees is None:
        return None
    unknown = lines.unknown(db, HolderKind.PERSON, holders or ())
    if unknown:
        raise HoldersUnknown(f"{len(unknown)} pashouders zijn er niet, de eerste is {unknown[0]}.", pointer="/holders")
    unknown = lines.unknown(db, HolderKind.PAYEE, payees or ())
    if unknown:
        raise PayeesUnknown(f"{len(unknown)} begunstigden zijn er niet, de eerste is {unknown[0]}.", pointer="/payees")
    return [*(holders or ()), *(payees or ())]


def _add_lines(db: Session, batch: Batch, found: Sequence[Candidate]) -> list[tuple[Candidate, Exclusion]]:
    judged = [(candidate, rules.exclusion(candidate)) for candidate in found]
    # Another draft may take the same purse between our look and this insert: the index decides, and says so here.
    added = lines.insert_lines(db, batch, [candidate for candidate, reason in judged if reason is None])
    batch.lines += len(added)
    batch.total += sum(added.values())
    excluded = [
        (candidate, reason or Exclusion.IN_OTHER_BATCH)
        for candidate, reason in judged
        if candidate.holder_id not in added
    ]
    lines.insert_exclusions(db, batch.id, excluded)
    return excluded


def hold_next_chunk(db: Session, batch_id: UUID, caller: Caller) -> bool:
    """Hold the money of the next drafted lines of a batch. True while there may be more.

    A line pays the whole available balance as it is *now* (PO-1), so amounts follow the purse until this moment; a
    purse that may no longer be paid is dropped from the batch with its reason.
    """
    batch = queries.batch_for_update(db, batch_id)
    if _refusal_to_submit(batch, caller) is not None:
        return False
    for _ in range(_READS_BEFORE_GIVING_UP):
        drafted = lines.drafted_lines(db, batch, business_date(), CHUNK)
        if not drafted:
            return False
        judged = [(line, rules.exclusion(line.candidate)) for line in drafted]
        paid = [line for line, reason in judged if reason is None]
        try:
            with db.begin_nested():
                if paid:
                    _hold(db, batch, caller.actor, paid)
        except TooLittle:
            # Somebody spent between our look and the lock: look again.
            continue
        lines.write_dropped(db, {line.line_id: reason for line, reason in judged if reason is not None})
        # An account that the maker confirmed after drafting is in the batch only now.
        _check_payees(db, batch, caller.subject)
        return True
    raise BalancesMoving("De saldo's veranderen te snel. Dien de uitbetaling zo opnieuw in.")


def _hold(db: Session, batch: Batch, actor: str, paid: Sequence[DraftedLine]) -> None:
    # A hold has the id of its line: however often a step is repeated there can be no second one.
    requests = [
        HoldRequest(
            line.line_id,
            postings.account(line.candidate.kind, line.candidate.holder_id, batch.purse),
            line.candidate.available,
            batch.asset,
        )
        for line in paid
    ]
    open_holds(db, requests, purpose=f"payout-batch/{batch.id}", actor=actor)
    lines.write_held(db, batch.id, paid)


def finish_submission(db: Session, batch_id: UUID, caller: Caller, debtor_name: str, debtor_iban: str) -> Batch:
    """Freeze a batch whose lines are held, and hash its content. Raises why it cannot be submitted."""
    batch = queries.batch_for_update(db, batch_id)
    refusal = _refusal_to_submit(batch, caller)
    if refusal is not None:
        raise refusal
    _check_payees(db, batch, caller.subject)
    counts = queries.line_counts(db, batch_id)
    batch.lines, batch.total = counts.get("held", (0, 0))
    if batch.lines == 0 or "drafted" in counts:
        raise NothingToPay("Er is niets uit te betalen: geen purse hierin heeft nu geld en een bruikbare IBAN.")
    batch.debtor_name, batch.debtor_iban = debtor_name, debtor_iban
    with db.no_autoflush:
        # Reading the lines would write the batch half frozen, which its constraint refuses.
        batch.content_hash = rules.content_hash(queries.content_header(batch), queries.content_lines(db, batch_id))
    batch.content_version = rules.CONTENT_VERSION
    batch.approvals_needed = rules.approvals_needed(batch.total, policy_on(business_date()))
    batch.submitted_at = now()
    batch.state = BatchState.SUBMITTED
    db.flush()
    dropped = counts.get("dropped", (0, 0))[0]
    _note(
        db, batch, "submitted", caller.subject,
        lines=batch.lines, total=batch.total, dropped=dropped, contentHash=batch.content_hash.hex(),
    )  # fmt: skip
    return batch


def _refusal_to_submit(batch: Batch, caller: Caller) -> Refusal | None:
    if batch.maker != caller.subject:
        return NotTheMaker("Alleen wie een uitbetaling maakte dient haar in.")
    if batch.state != BatchState.DRAFT:
        return _wrong_state(batch, "worden ingediend")
    if batch.withdrawal_started_at is not None:
        return BeingWithdrawn("Deze uitbetaling wordt ingetrokken.")
    return _no_execution_day(batch.execute_on)


def approve(db: Session, batch_id: UUID, caller: Caller, content_hash: bytes) -> Batch:
    """Approve one content of a batch made by somebody else (PO-1).

    Raises `OwnBatch`, `OwnPayment`, `OwnPayee`, `WrongHash`.
    """
    batch = queries.batch_for_update(db, batch_id)
    if batch.maker == caller.subject:
        raise OwnBatch("Wie een uitbetaling maakte keurt haar niet zelf goed.")
    if caller.holder_id is not None and queries.is_paid_by(db, batch_id, UUID(caller.holder_id)):
        raise OwnPayment("Wie er zelf geld uit krijgt keurt een uitbetaling niet goed.")
    _check_payees(db, batch, caller.subject)
    if batch.state != BatchState.SUBMITTED:
        raise _wrong_state(batch, "worden goedgekeurd")
    if batch.withdrawal_started_at is not None:
        raise BeingWithdrawn("Deze uitbetaling wordt ingetrokken.")
    if batch.content_hash != content_hash:
        raise WrongHash("De inhoud is anders dan wat u goedkeurt. Bekijk haar opnieuw.", pointer="/contentHash")
    _check_content(db, batch)
    before = queries.approvals(db, batch_id)
    if any(approval.approver == caller.subject for approval in before):
        raise ApprovedAlready("U hebt deze uitbetaling al goedgekeurd; een ander moet dat ook doen.")
    approval = Approval(
        batch_id=batch_id, approver=caller.subject, maker=batch.maker, content_hash=content_hash, approved_at=now()
    )
    db.add(approval)
    db.flush()
    if len(before) + 1 >= (batch.approvals_needed or 1):
        batch.state, batch.checker, batch.approved_at = BatchState.APPROVED, caller.subject, approval.approved_at
        db.flush()
    _note(db, batch, "approved", caller.subject, contentHash=content_hash.hex())
    return batch


def send_next_chunk(db: Session, batch_id: UUID, caller: Caller, channel: str) -> bool:
    """Post the next held lines of an approved batch to the bank, out of their holds. True while there may be more."""
    batch = queries.batch_for_update(db, batch_id)
    if _refusal_to_send(db, batch, caller) is not None:
        return False
    if batch.sending_at is None:
        batch.sender, batch.channel = caller.subject, channel
        # One value date for all journals of a batch, also when midnight or a crash comes between them.
        batch.sending_on, batch.sending_at = business_date(), now()
        db.flush()
    assert batch.sending_on is not None
    assert batch.sender is not None
    held = lines.held_lines(db, batch_id, CHUNK)
    if not held:
        return False
    posted = post(
        db,
        kind=postings.PAYOUT,
        # A month that closed since then takes no more of it: what is left is booked on the first open day.
        value_date=open_day(db, batch.sending_on),
        actor=batch.sender,
        decision=f"payout-batch/{batch.id}",
        batch=str(batch.id),
        chunk=(held[0][0] - 1) // CHUNK,
        transfers=[postings.sent(line) for _, line in held],
    )
    lines.write_sent(db, [line.line_id for _, line in held], posted.journal_id)
    return True


def finish_sending(db: Session, vault: Vault, batch_id: UUID, caller: Caller) -> Batch:
    """Make the file of a batch whose lines are all posted, and remember its hash. Raises why it cannot be sent."""
    batch = queries.batch_for_update(db, batch_id)
    refusal = _refusal_to_send(db, batch, caller)
    if refusal is not None:
        raise refusal
    content = file_content(db, vault, batch)
    batch.file_sha256, batch.file_bytes = hashlib.sha256(content).digest(), len(content)
    batch.sent_at = now()
    batch.state = BatchState.SENT
    db.flush()
    _note(db, batch, "sent", caller.subject, channel=batch.channel, sha256=batch.file_sha256.hex())
    return batch


def _refusal_to_send(db: Session, batch: Batch, caller: Caller) -> Refusal | None:
    own = _own_payee(db, batch, caller.subject)
    if own is not None:
        return own
    if batch.state != BatchState.APPROVED:
        return _wrong_state(batch, "worden verzonden")
    if batch.withdrawal_started_at is not None:
        return BeingWithdrawn("Deze uitbetaling wordt ingetrokken.")
    # What was begun is finished, whatever day it has become: money has left purses.
    if batch.sending_at is not None:
        return None
    refusal = _no_execution_day(batch.execute_on)
    if refusal is not None:
        return refusal
    try:
        _check_content(db, batch)
    except ContentChanged as changed:
        return changed
    return None


def release_next_chunk(db: Session, batch_id: UUID, caller: Caller) -> bool:
    """Let go of the money of the next lines of a batch that is being withdrawn. True while there may be more."""
    batch = queries.batch_for_update(db, batch_id)
    if _refusal_to_withdraw(batch) is not None:
        return False
    if batch.withdrawal_started_at is None:
        batch.withdrawer, batch.withdrawal_started_at = caller.subject, now()
        db.flush()
    withdrawn, holds = lines.withdraw_lines(db, batch_id, CHUNK)
    if holds:
        release_holds(db, holds, actor=caller.actor)
    return withdrawn > 0


def finish_withdrawal(db: Session, batch_id: UUID, caller: Caller) -> Batch:
    """Close a batch of which nothing is held any more. Raises why it cannot be withdrawn."""
    batch = queries.batch_for_update(db, batch_id)
    refusal = _refusal_to_withdraw(batch)
    if refusal is not None:
        raise refusal
    batch.state, batch.withdrawn_at = BatchState.WITHDRAWN, now()
    db.flush()
    _note(db, batch, "withdrawn", caller.subject)
    return batch


def _refusal_to_withdraw(batch: Batch) -> Refusal | None:
    if batch.state not in (BatchState.DRAFT, BatchState.SUBMITTED, BatchState.APPROVED):
        return _wrong_state(batch, "worden ingetrokken")
    if batch.sending_at is not None:
        return BeingSent("Deze uitbetaling wordt al verzonden.")
    return None


def _check_content(db: Session, batch: Batch) -> None:
    assert batch.content_version is not None
    header, content = queries.content_header(batch), queries.content_lines(db, batch.id)
    found = rules.content_hash(header, content, batch.content_version)
    if found != batch.content_hash:
        raise ContentChanged("De inhoud is niet meer wat is ingediend. Trek de uitbetaling in en meld dit.")


def _check_payees(db: Session, batch: Batch, person: str) -> None:
    refusal = _own_payee(db, batch, person)
    if refusal is not None:
        raise refusal


def _own_payee(db: Session, batch: Batch, person: str) -> OwnPayee | None:
    payee = lines.payee_entered_by(db, batch.id, person)
    if payee is None:
        return None
    return OwnPayee(
        f"U hebt de rekening van begunstigde {payee} ingevoerd of bevestigd. Een ander maakt deze uitbetaling, een ander"
        " keurt haar goed en een ander verzendt haar."
    )


def _check_execution_day(execute_on: date) -> None:
    refusal = _no_execution_day(execute_on)
    if refusal is not None:
        raise refusal


def _no_execution_day(execute_on: date) -> NoExecutionDay | None:
    instead = rules.execution_day_instead(execute_on, business_date())
    if instead is None:
        return None
    return NoExecutionDay(
        f"Op {execute_on} kan de bank niet uitvoeren. De eerstvolgende dag die kan is {instead}.", pointer="/executeOn"
    )


def _wrong_state(batch: Batch, what: str) -> WrongState:
    return WrongState(f"Deze uitbetaling is {batch.state} en kan niet {what}.")


def _note(db: Session, batch: Batch, kind: str, actor: str, **details: Any) -> None:
    db.add(BatchEvent(batch_id=batch.id, kind=kind, actor=actor, details=details, recorded_at=now()))
    db.flush()
