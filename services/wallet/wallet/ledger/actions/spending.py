"""What services ask of the ledger: transfers, holds, captures and releases, each within its own scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from foundation.access import Caller
from foundation.clock import business_date
from foundation.identifiers import new_id
from wallet.ledger import queries, rules
from wallet.ledger.actions.posting import open_holds, post, release_holds
from wallet.ledger.actions.proposals import check_number
from wallet.ledger.actions.reading import find_hold
from wallet.ledger.postings import Posted, Transfer
from wallet.ledger.refusals import KindNotAllowed, LedgerRefusal, NotYourHold, OutsideScope
from wallet.ledger.schemas import CaptureIn, HoldIn, TransfersIn


def post_for_service(db: Session, asked: TransfersIn, caller: Caller) -> Posted:
    """Post what a service asks. Raises `OutsideScope`, `KindNotAllowed`, `NotYourHold`, or why the ledger refused."""
    check_number(asked)
    _check_kind(asked.kind)
    transfers = [each.transfer() for each in asked.transfers]
    _check_scope(caller, [address for each in transfers for address in (each.source, each.destination)])
    _check_holds(db, caller, [each.hold_id for each in transfers if each.hold_id is not None])
    try:
        return post(
            db,
            kind=asked.kind,
            value_date=asked.value_date or business_date(),
            actor=caller.actor,
            on_behalf_of=caller.on_behalf_of,
            decision=asked.decision,
            reason=asked.reason,
            transfers=transfers,
        )
    except LedgerRefusal as refusal:
        raise refusal.in_list("transfers") from refusal


def open_hold(db: Session, asked: HoldIn, caller: Caller) -> Row[Any]:
    """Set an amount apart for a service. Raises `OutsideScope`, or why the ledger refused."""
    _check_scope(caller, [asked.account])
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
    outside = rules.outside_scope(caller.service, addresses)
    if outside is not None:
        raise OutsideScope(f"Dienst {caller.service} mag niet aan rekening {outside} komen.")


def _check_holds(db: Session, caller: Caller, holds: Sequence[UUID]) -> None:
    others = queries.holds_of_others(db, sorted(set(holds)), caller.actor) if holds else []
    if others:
        raise NotYourHold(f"Reservering {others[0]} is van een ander.")
