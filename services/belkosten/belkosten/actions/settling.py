"""Settling calls: what each costs is set apart for its provider, and what was held for it and not used is given back.

Calls go to the wallet together, each paid from the hold that was made for it. Where the wallet refuses that (a hold has
expired before its record came), and for calls that nobody asked for, one call goes at a time: what the caller still has is
taken, and the municipality pays the provider the rest. Every request has a key that a repetition has again, and what
was settled is written down before the next: whatever is killed in the middle, each call is paid once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlmodel import Session

from belkosten import postings
from belkosten.parameters import call_policy_on
from belkosten.postings import ChargedCall
from belkosten.queries import calls
from belkosten.rules.settling import CallToSettle, Split, from_its_hold, from_what_is_held
from foundation import clock, outbox
from foundation.database import Database
from foundation.money import ZERO, Cents
from foundation.outbox import DeliveryRefused, Leased
from wallet_contract.client import WalletClient

SETTLE_CALLS = "settle-calls"
CHUNK = 100
"""Calls in one message: few enough that one which is refused does not hold up many."""

_HOLD_IS_GONE = frozenset({"holdNotOpen", "holdTooSmall"})
_NOTHING_THERE = frozenset({"tooLittle", "unknownAccount", "closedAccount"})


def send(db: Session, holds: Mapping[UUID, str | None], day: date) -> UUID:
    """Have calls settled, at most `CHUNK`, each with the hold that was made for it, if any. Returns the message's id.

    The hold stands in the message: one that is made while the record is on its way is left to expire, so that a
    repetition asks the wallet for the very same.
    """
    first = next(iter(holds))
    payload = {"day": day, "calls": list(holds), "holds": list(holds.values())}
    return outbox.enqueue(db, SETTLE_CALLS, f"calls/{first}", payload)


def deliver(message: Leased, database: Database, wallet: WalletClient) -> Mapping[str, Any]:
    """Settle those calls of a message that are not settled yet. Raises `DeliveryRefused` when some cannot be: all others are."""
    ids = [UUID(one) for one in message.payload["calls"]]
    with database.reading() as db:
        waiting = _to_settle(db, ids, message.payload["holds"])
    day = date.fromisoformat(message.payload["day"])
    alone: Sequence[CallToSettle] = waiting
    if len(waiting) == len(ids):
        alone = _settle_together(message, waiting, day, database, wallet)
    refused: DeliveryRefused | None = None
    for call in alone:
        try:
            split = _settle_alone(call, day, message.resumptions, wallet)
        except DeliveryRefused as refusal:
            # Most often the fund has too little. The others need not wait for it.
            refused = refused or refusal
        else:
            _write_down(database, {call.id: split})
    if refused is not None:
        raise refused
    return {}


def _to_settle(db: Session, ids: Sequence[UUID], holds: Sequence[str | None]) -> list[CallToSettle]:
    hold_of = dict(zip(ids, holds, strict=True))
    found = {row.id: row for row in calls.waiting(db, ids)}
    made = []
    for call in ids:
        if (row := found.get(call)) is not None:
            is_held = hold_of[call] is not None and row.hold_id == hold_of[call]
            made.append(
                CallToSettle(
                    call,
                    Cents(row.cost),
                    row.hold_id if is_held else None,
                    row.hold_account if is_held else None,
                    Cents(row.held) if is_held else ZERO,
                    None if row.holder_id is None else postings.purse_of(row.holder_id),
                    unlimited=call_policy_on(row.called_on).credit is None if row.cost else False,
                )
            )
    return made


def _settle_together(
    message: Leased, waiting: Sequence[CallToSettle], day: date, database: Database, wallet: WalletClient
) -> Sequence[CallToSettle]:
    """Settle in one posting what can be; gives the calls that are to be settled one by one."""
    splits = {call.id: from_its_hold(call) for call in waiting}
    together = [call for call in waiting if splits[call.id] is not None]
    paid = {call.id: split for call in together if (split := splits[call.id]) is not None}
    try:
        _post(wallet, together, paid, day, message.request_key)
    except DeliveryRefused:
        return waiting
    _write_down(database, paid)
    return [call for call in waiting if splits[call.id] is None]


def _settle_alone(call: CallToSettle, day: date, resumptions: int, wallet: WalletClient) -> Split:
    key = f"call/{call.id}/{resumptions}"
    split = from_its_hold(call)
    if split is not None:
        try:
            _post(wallet, [call], {call.id: split}, day, f"{key}/hold")
        except DeliveryRefused as refusal:
            if call.hold_id is None or refusal.code not in _HOLD_IS_GONE:
                raise
        else:
            return split
    return _settle_without_hold(call, day, key, wallet)


def _settle_without_hold(call: CallToSettle, day: date, key: str, wallet: WalletClient) -> Split:
    """Take what the caller still has, and the rest from the fund; the original hold is gone, or never was."""
    hold_id, held = None, ZERO
    account = postings.FUND if call.unlimited else call.purse
    if not call.unlimited and call.purse is not None and call.cost:
        try:
            opened = wallet.open_hold(postings.call_hold(call.id, call.purse, call.cost).as_json(), key=f"{key}/purse")
            hold_id, held = opened["id"], Cents(opened["amount"])
        except DeliveryRefused as refusal:
            if refusal.code not in _NOTHING_THERE:
                raise
    split = from_what_is_held(call, held)
    charged = ChargedCall(call.id, account or postings.FUND, hold_id, split.from_hold, split.from_fund)
    if call.cost:
        releases = [] if call.hold_id is None else [call.hold_id]
        try:
            wallet.post_transfers(postings.settlement([charged], releases, day).as_json(), key=f"{key}/rest")
        except DeliveryRefused:
            if hold_id is not None:
                # The message is parked until somebody resumes it: until then the money is the caller's to use.
                wallet.release_hold(hold_id, key=f"{key}/release")
            raise
    return split


def _post(
    wallet: WalletClient, together: Sequence[CallToSettle], paid: Mapping[UUID, Split], day: date, key: str
) -> None:
    charged = [
        ChargedCall(
            call.id,
            call.hold_account or postings.FUND,
            call.hold_id,
            paid[call.id].from_hold,
            paid[call.id].from_fund,
        )
        for call in together
    ]
    releases = [call.hold_id for call in together if call.hold_id is not None]
    settlement = postings.settlement(charged, releases, day)
    if settlement.transfers:
        wallet.post_transfers(settlement.as_json(), key=key)
        return
    for hold_id in releases:
        try:
            wallet.release_hold(hold_id, key=f"{key}/{hold_id}")
        except DeliveryRefused as refusal:
            if refusal.code not in _HOLD_IS_GONE:
                raise


def _write_down(database: Database, paid: Mapping[UUID, Split]) -> None:
    if paid:
        amounts = {call: (int(split.from_hold), int(split.from_fund)) for call, split in paid.items()}
        database.run(lambda db: calls.settle(db, amounts, clock.business_date()))
