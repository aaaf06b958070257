"""What services ask of the ledger: transfers, holds, captures and releases, each within its own scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.identifiers import new_id
from wallet.ledger import rules
from wallet.ledger.actions.posting import open_day, open_holds, post, post_each, release_holds
from wallet.ledger.actions.proposals import check_number
from wallet.ledger.actions.reading import find_hold
from wallet.ledger.holds import queries
from wallet.ledger.holds.schemas import CaptureIn, HoldIn
from wallet.ledger.postings import Posted, Posting, Transfer
from wallet.ledger.refusals import ExpiryPast, KindNotAllowed, LedgerRefusal, NotYourHold, OutsideScope
from wallet.ledger.schemas import PostedOut, TransfersIn

MOST_GATHERED = 20
"""Transfers of one request that shares a transaction: a longer one is worth a transaction of its own."""


def allowed_posting(asked: TransfersIn, caller: Caller) -> Posting:
    """Give what a service asks to post. Raises `OutsideScope` or `KindNotAllowed`."""
    check_number(asked)
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
    )


def post_for_service(db: Session, asked: TransfersIn, caller: Caller) -> Posted:
    """Post what a service asks. Raises `OutsideScope`, `KindNotAllowed`, `NotYourHold`, or why the ledger refused."""
    [posting] = _on_open_days(db, [allowed_posting(asked, caller)])
    _check_holds(db, caller, [each.hold_id for each in posting.transfers if each.hold_id is not None])
    try:
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
    except LedgerRefusal as refusal:
        raise refusal.in_list("transfers") from refusal


def may_be_gathered(asked: TransfersIn) -> bool:
    """Tell whether a request is short enough to share a transaction with others, and captures no hold."""
    return len(asked.transfers) <= MOST_GATHERED and all(each.hold_id is None for each in asked.transfers)


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


def open_hold(db: Session, asked: HoldIn, caller: Caller) -> Row[Any]:
    """Set an amount apart for a service. Raises `OutsideScope`, `ExpiryPast`, or why the ledger refused."""
    _check_scope(caller, [asked.account])
    if asked.expires_at is not None and asked.expires_at <= now():
        raise ExpiryPast(f"Een reservering tot {asked.expires_at.isoformat()} is al voorbij.", pointer="/expiresAt")
    hold_id = new_id()
    open_holds(db, [asked.request(hold_id)], asked.purpose, caller.actor, asked.expires_at)
    return find_hold(db, hold_id)


def capture_hold(db: Session, hold_id: UUID, asked: CaptureIn, caller: Caller) -> tuple[Posted, Row[Any]]:
    """Pay a part of a hold, or all that remains.

    Raises `UnknownHold`, `NotYourHold`, `OutsideScope`, `KindNotAllowed`, or why the ledger refused.
    """
    hold = own_hold(db, hold_id, caller)
    _check_kind(asked.kind)
    _check_scope(caller, [asked.destination])
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
    posted = post(
        db,
        kind=asked.kind,
        value_date=asked.value_date or business_date(),
        actor=caller.actor,
        on_behalf_of=caller.on_behalf_of,
        transfers=[transfer],
    )
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


def _check_scope(caller: Caller, addresses: Sequence[str]) -> None:
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
