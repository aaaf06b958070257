"""What services ask of the ledger: transfers, holds, captures and releases, each within its own scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any
from uuid import UUID

from psycopg import Cursor
from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.database import Database
from foundation.identifiers import new_id
from foundation.refusals import Refusal
from wallet.ledger import rules
from wallet.ledger.actions.posting import lock_posting, open_day, open_each_hold, post, post_each, release_holds
from wallet.ledger.actions.proposals import check_list
from wallet.ledger.actions.reading import find_hold
from wallet.ledger.holds import queries
from wallet.ledger.holds.schemas import CaptureIn, HoldIn, HoldOut, HoldOutcomeOut, NamedHoldIn
from wallet.ledger.postings import AskedHold, Granted, Posted, Posting, Transfer
from wallet.ledger.refusals import ExpiryPast, KindNotAllowed, LedgerRefusal, NotYourHold, OutsideScope
from wallet.ledger.schemas import PostedOut, TransfersIn

MOST_GATHERED = 20
"""Transfers of one request that shares a transaction: a longer one is worth a transaction of its own."""


def allowed_posting(asked: TransfersIn, caller: Caller) -> Posting:
    """Give what a service asks to post. Raises `OutsideScope` or `KindNotAllowed`."""
    check_list(asked)
    _check_kind(asked.kind)
    transfers = [each.transfer() for each in asked.transfers]
    _check_transfers(caller, asked.kind, transfers)
    return Posting(
        kind=asked.kind,
        value_date=asked.value_date or business_date(),
        actor=caller.actor,
        on_behalf_of=caller.on_behalf_of,
        decision=asked.decision,
        reason=asked.reason,
        transfers=transfers,
        late=asked.late is not None,
        releases=asked.releases,
    )


def post_for_service(db: Session, asked: TransfersIn, caller: Caller) -> Posted:
    """Post what a service asks, and let go of the holds that it names.

    Raises `OutsideScope`, `KindNotAllowed`, `NotYourHold`, `UnknownHold`, or why the ledger refused.
    """
    [posting] = _on_open_days(db, [allowed_posting(asked, caller)])
    captured = [each.hold_id for each in posting.transfers if each.hold_id is not None]
    _check_holds(db, caller, [*captured, *posting.releases])
    try:
        if posting.releases:
            lock_posting(db, posting.transfers, posting.releases)
        posted = _post(db, posting)
    except LedgerRefusal as refusal:
        raise refusal.in_list("transfers") from refusal
    if posting.releases:
        release_holds(db, posting.releases, posting.actor)
    return posted


def _post(db: Session, posting: Posting) -> Posted:
    return post(
        db,
        kind=posting.kind,
        value_date=posting.value_date,
        actor=posting.actor,
        on_behalf_of=posting.on_behalf_of,
        decision=posting.decision,
        reason=posting.reason,
        transfers=posting.transfers,
    )


def may_be_gathered(asked: TransfersIn) -> bool:
    """Tell whether a request is short enough to share a transaction with others, and touches no hold."""
    if asked.releases or len(asked.transfers) > MOST_GATHERED:
        return False
    return all(each.hold_id is None for each in asked.transfers)


def post_together(db: Session, postings: Sequence[Posting]) -> list[PostedOut | LedgerRefusal]:
    """Post what several askers wait for: a journal for each, or the rule that refused it and nothing else."""
    outcomes = post_each(db, _on_open_days(db, postings))
    return [
        outcome.in_list("transfers") if isinstance(outcome, LedgerRefusal) else PostedOut.of(outcome)
        for outcome in outcomes
    ]


def _on_open_days(db: Session, postings: Sequence[Posting]) -> Sequence[Posting]:
    late = [posting.value_date for posting in postings if posting.late]
    if not late:
        return postings
    first_open = open_day(db, min(late))
    return [posting.on(first_open) for posting in postings]


def open_hold(db: Session, asked: HoldIn, caller: Caller) -> HoldOut:
    """Set an amount apart for a service. Raises `OutsideScope`, `ExpiryPast`, or why the ledger refused."""
    [outcome] = _have_holds(db, [_allowed_hold(asked, new_id(), caller)])
    if isinstance(outcome, Refusal):
        raise outcome
    return outcome


def allowed_holds(asked: Sequence[NamedHoldIn], caller: Caller) -> list[AskedHold]:
    """Give what a service asks to have, under the ids that it chose. Raises `OutsideScope` for all of them."""
    return [_allowed_hold(each, each.id, caller) for each in asked]


def have_holds(database: Database, requests: Sequence[Sequence[AskedHold]]) -> list[list[HoldOutcomeOut]]:
    """Have the holds of these requests, all in one statement.

    Each has its hold, that may have been there already, or the rule that refused it and nothing else.
    """
    asked = [each for request in requests for each in request]
    outcomes = iter(database.alone(lambda cursor: _have_holds(cursor, asked)))
    return [[HoldOutcomeOut.of(each.request.id, next(outcomes)) for each in request] for request in requests]


def _allowed_hold(asked: HoldIn, hold_id: UUID, caller: Caller) -> AskedHold:
    check_scope(caller, [asked.account])
    until = None if asked.expires_at is None else asked.expires_at.astimezone(UTC)
    return AskedHold(asked.request(hold_id), asked.minimum or asked.amount, asked.purpose, caller.actor, until)


def _have_holds(db: Session | Cursor[Any], asked: Sequence[AskedHold]) -> list[HoldOut | Refusal]:
    at = now()
    is_late = [each.expires_at is not None and each.expires_at <= at for each in asked]
    timely = [each for each, late in zip(asked, is_late, strict=True) if not late]
    outcomes = iter(open_each_hold(db, timely) if timely else ())
    return [_held(each, None if late else next(outcomes)) for each, late in zip(asked, is_late, strict=True)]


def _held(asked: AskedHold, outcome: Granted | LedgerRefusal | None) -> HoldOut | Refusal:
    if outcome is None:
        assert asked.expires_at is not None
        return ExpiryPast(f"Een reservering tot {asked.expires_at.isoformat()} is al voorbij.", pointer="/expiresAt")
    if isinstance(outcome, LedgerRefusal):
        # One hold is asked for: there is no list to point into.
        return outcome
    return HoldOut(
        id=asked.request.id,
        account=asked.request.account,
        asset=asked.request.asset,
        purpose=asked.purpose,
        opened_by=asked.actor,
        **asdict(outcome),
    )


def capture_hold(db: Session, hold_id: UUID, asked: CaptureIn, caller: Caller) -> tuple[Posted, Row[Any]]:
    """Pay a part of a hold, or all that remains; after a final capture nothing is held any more.

    Raises `UnknownHold`, `NotYourHold`, `OutsideScope`, `KindNotAllowed`, or why the ledger refused.
    """
    hold = own_hold(db, hold_id, caller)
    _check_kind(asked.kind)
    check_scope(caller, [asked.destination])
    transfer = Transfer(
        hold.account,
        asked.destination,
        asked.amount,
        hold.asset,
        asked.grant_key,
        asked.reference,
        asked.explanation,
        hold_id,
    )
    [posting] = _on_open_days(
        db,
        [
            Posting(
                kind=asked.kind,
                value_date=asked.value_date or business_date(),
                actor=caller.actor,
                on_behalf_of=caller.on_behalf_of,
                decision=None,
                reason=None,
                transfers=[transfer],
                late=asked.late is not None,
            )
        ],
    )
    posted = _post(db, posting)
    if asked.final:
        release_holds(db, [hold_id], caller.actor)
    return posted, find_hold(db, hold_id)


def release_hold(db: Session, hold_id: UUID, caller: Caller) -> Row[Any]:
    """Give back what remains of a hold; one that is closed stays as it is. Raises `UnknownHold` or `NotYourHold`."""
    own_hold(db, hold_id, caller)
    release_holds(db, [hold_id], caller.actor)
    return find_hold(db, hold_id)


def own_hold(db: Session, hold_id: UUID, caller: Caller) -> Row[Any]:
    """Give a hold that this caller opened. Raises `UnknownHold` or `NotYourHold`."""
    hold = find_hold(db, hold_id)
    if hold.opened_by != caller.actor:
        raise NotYourHold(f"Reservering {hold_id} is van een ander.")
    return hold


def _check_kind(kind: str) -> None:
    if not rules.may_name_kind(kind, by_hand=False):
        raise KindNotAllowed(f"Boekingen van de soort {kind} maakt een dienst niet.", pointer="/kind")


def check_scope(caller: Caller, addresses: Sequence[str]) -> None:
    # Without a service's own signature it is the stand-in service of a local installation, which tries things out.
    if caller.service is None:
        return
    _refuse_outside(caller.service, rules.outside_scope(caller.service, addresses))


def _check_transfers(caller: Caller, kind: str, transfers: Sequence[Transfer]) -> None:
    if caller.service is not None:
        _refuse_outside(caller.service, rules.transfer_outside_scope(caller.service, kind, transfers))


def _refuse_outside(service: str, outside: str | None) -> None:
    if outside is not None:
        raise OutsideScope(f"Dienst {service} mag niet aan rekening {outside} komen.")


def _check_holds(db: Session, caller: Caller, holds: Sequence[UUID]) -> None:
    others = queries.holds_of_others(db, sorted(set(holds)), caller.actor) if holds else []
    if others:
        raise NotYourHold(f"Reservering {others[0]} is van een ander.")
