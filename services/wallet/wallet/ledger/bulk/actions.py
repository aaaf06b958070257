"""What callers do with transfer batches: hand in a file, submit it, approve it, withdraw it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import Session

from foundation import inbox
from foundation.access import Caller, Role
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from wallet.ledger import queries as ledger_queries
from wallet.ledger import rules as ledger_rules
from wallet.ledger.actions import HoldRequest, open_holds
from wallet.ledger.actions.posting import open_day
from wallet.ledger.actions.proposals import refuse_loans, refuse_protected
from wallet.ledger.bulk import queries
from wallet.ledger.bulk.files import FileFormat
from wallet.ledger.bulk.models import BulkBatch
from wallet.ledger.bulk.refusals import BatchNotFound, HasExceptions, NothingToPost, NotTheMaker, WrongHash, WrongState
from wallet.ledger.bulk.rules import CHUNK_LINES, WITHDRAWABLE, BatchState
from wallet.ledger.periods.queries import closed_month_of
from wallet.ledger.refusals import (
    ClosedAccount,
    KindNotAllowed,
    OutsideScope,
    PeriodClosed,
    ProtectedPurse,
    ReasonMissing,
    SameSubject,
    UnknownAccount,
    WrongAsset,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller says of all lines of a file."""

    kind: str
    source: str
    asset: str
    value_date: date | None
    reason: str | None


def check_asked(db: Session, asked: Asked, caller: Caller) -> None:
    """Refuse what no line can mend, as for single transfers: a kind, a source, an asset, a missing reason.

    Raises `KindNotAllowed`, `ReasonMissing`, `OutsideScope`, `UnknownAccount`, `WrongAsset`, `ClosedAccount`,
    `LoanByHand`, `ProtectedPurse` or `PeriodClosed`.
    """
    by_hand = is_by_hand(caller)
    if not ledger_rules.may_name_kind(asked.kind, by_hand=by_hand):
        raise KindNotAllowed(f"Boekingen van de soort {asked.kind} maakt u niet zelf.", pointer="kind")
    if by_hand and asked.reason is None:
        raise ReasonMissing
    # Without a service's own signature it is the stand-in service of a local installation, which tries things out.
    if caller.service is not None and ledger_rules.outside_scope(caller.service, [asked.source]) is not None:
        raise OutsideScope(f"Dienst {caller.service} mag niet aan rekening {asked.source} komen.", pointer="source")
    account = ledger_queries.account(db, asked.source)
    if account is None:
        raise UnknownAccount(f"Rekening {asked.source} bestaat niet.", pointer="source")
    if account.asset != asked.asset:
        message = f"Rekening {asked.source} telt in {account.asset}, niet in {asked.asset}."
        raise WrongAsset(message, pointer="asset")
    if account.closed_at is not None:
        raise ClosedAccount(f"Rekening {asked.source} is gesloten.", pointer="source")
    if by_hand:
        refuse_loans([asked.source])
        _refuse_protected(db, asked.source)
    if asked.value_date is not None:
        _refuse_closed_period(db, asked.value_date)


def receive_file(
    db: Session,
    asked: Asked,
    upload: inbox.Upload,
    file_format: FileFormat,
    caller: Caller,
    chunk_lines: int = CHUNK_LINES,
) -> BulkBatch:
    """Take a file in; the worker loads and checks it. Raises as `check_asked`."""
    check_asked(db, asked, caller)
    batch = BulkBatch(
        id=new_id(),
        kind=asked.kind,
        source=asked.source,
        asset=asked.asset,
        value_date=asked.value_date or business_date(),
        reason=asked.reason,
        by_hand=is_by_hand(caller),
        maker=caller.actor,
        on_behalf_of=caller.on_behalf_of,
        inbox_id=inbox.store(db, upload, f"transfer-batch/{caller.actor}", file_format.media_type),
        media_type=file_format.media_type,
        file_sha256=upload.sha256,
        file_bytes=upload.length,
        chunk_lines=chunk_lines,
        received_at=now(),
        state=BatchState.LOADING,
    )
    db.add(batch)
    db.flush()
    return batch


def submit(db: Session, batch_id: UUID, caller: Caller, *, partial: bool) -> BulkBatch:
    """Submit a checked batch under its content hash; a service's is approved by that, and its total held.

    Raises `NotTheMaker`, `WrongState`, `HasExceptions` (without `partial`), `NothingToPost`, and for a service
    `TooLittle`; after a deposit it may be asked again.
    """
    batch = _own(db, batch_id, caller, "dient haar in")
    if batch.state != BatchState.CHECKED:
        raise _wrong_state(batch, "worden ingediend")
    if batch.excluded and not partial:
        raise HasExceptions(
            f"{batch.excluded} van de {batch.lines} regels kunnen niet worden geboekt. Herstel het bestand, of dien in"
            " met partial=true: dan worden alleen de andere geboekt."
        )
    if batch.lines == batch.excluded:
        raise NothingToPost("Geen enkele regel kan worden geboekt.")
    _refuse_closed_period(db, batch.value_date)
    batch.partial, batch.submitted_at, batch.state = partial, now(), BatchState.SUBMITTED
    db.flush()
    return batch if batch.by_hand else _approve(db, batch, caller)


def approve(db: Session, batch_id: UUID, caller: Caller, content_hash: bytes) -> BulkBatch:
    """Approve one content of a batch submitted by somebody else, and hold its total on the source.

    Raises `SameSubject`, `WrongState`, `WrongHash`, `ProtectedPurse` or `TooLittle`; after a deposit it may be asked
    again.
    """
    batch = queries.batch_for_update(db, batch_id)
    if not batch.by_hand:
        raise WrongState("Wat een dienst indient behoeft geen goedkeuring.")
    if caller.actor == batch.maker:
        raise SameSubject
    if batch.state != BatchState.SUBMITTED:
        raise _wrong_state(batch, "worden goedgekeurd")
    if batch.content_hash != content_hash:
        raise WrongHash("De inhoud is anders dan wat u goedkeurt. Bekijk haar opnieuw.", pointer="/contentHash")
    return _approve(db, batch, caller)


def withdraw(db: Session, batch_id: UUID, caller: Caller) -> BulkBatch:
    """Withdraw a batch that is not approved yet. Raises `NotTheMaker` or `WrongState`."""
    batch = _own(db, batch_id, caller, "trekt haar in")
    if batch.state not in WITHDRAWABLE:
        raise _wrong_state(batch, "worden ingetrokken")
    batch.withdrawn_by, batch.withdrawn_at, batch.state = caller.actor, now(), BatchState.WITHDRAWN
    db.flush()
    inbox.drop(db, batch.inbox_id)
    return batch


def visible(db: Session, batch_id: UUID, caller: Caller) -> BulkBatch:
    """Give a batch that a caller may see: finance and auditors all, a service its own. Raises `BatchNotFound`."""
    batch = queries.batch(db, batch_id)
    if is_by_hand(caller) or (batch.maker == caller.actor and not batch.by_hand):
        return batch
    raise BatchNotFound


def is_by_hand(caller: Caller) -> bool:
    """Tell whether a caller acts as a person, whose batches another person approves."""
    return not caller.has(Role.SERVICE)


def _approve(db: Session, batch: BulkBatch, caller: Caller) -> BulkBatch:
    _refuse_closed_period(db, batch.value_date)
    # Opened by the batch itself: a service may release and capture the holds that it opened, and never this one.
    request = HoldRequest(batch.id, batch.source, batch.total, batch.asset)
    open_holds(db, [request], purpose=f"transfer-batch/{batch.id}", actor=f"transfer-batch/{batch.id}")
    if batch.by_hand:
        # Once more, now that the account is locked: it may have been filled since.
        _refuse_protected(db, batch.source)
    batch.approved_by, batch.approved_at, batch.state = caller.actor, now(), BatchState.APPROVED
    db.flush()
    return batch


def _own(db: Session, batch_id: UUID, caller: Caller, what: str) -> BulkBatch:
    batch = queries.batch_for_update(db, batch_id)
    if batch.maker == caller.actor and batch.by_hand == is_by_hand(caller):
        return batch
    if not is_by_hand(caller):
        raise BatchNotFound
    raise NotTheMaker(f"Alleen wie deze overboekingen aanbood {what}.")


def _refuse_protected(db: Session, source: str) -> None:
    try:
        refuse_protected(db, [source])
    except ProtectedPurse as refusal:
        raise ProtectedPurse(refusal.message, pointer="source") from None


def _refuse_closed_period(db: Session, value_date: date) -> None:
    # Only a look, so that nobody's closing waits for an upload: a month that closes after it is found by the books
    # themselves, chunk by chunk.
    if closed_month_of(db, value_date) is None:
        return
    first_open = open_day(db, value_date)
    message = f"De boekhouding van {value_date} is gesloten; de eerste open dag is {first_open}."
    raise PeriodClosed(message, {"firstOpenDay": first_open.isoformat()}, pointer="valueDate")


_STATES = {
    BatchState.LOADING: "wordt nog gelezen",
    BatchState.CHECKING: "wordt nog gecontroleerd",
    BatchState.CHECKED: "is nog niet ingediend",
    BatchState.REFUSED: "kon niet worden gelezen",
    BatchState.SUBMITTED: "is al ingediend",
    BatchState.APPROVED: "is al goedgekeurd",
    BatchState.POSTING: "wordt al geboekt",
    BatchState.POSTED: "is al geboekt",
    BatchState.WITHDRAWN: "is ingetrokken",
}


def _wrong_state(batch: BulkBatch, what: str) -> WrongState:
    return WrongState(f"Dit bestand {_STATES[BatchState(batch.state)]} en kan niet {what}.")
