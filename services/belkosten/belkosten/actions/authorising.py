"""Answering a provider before a call, in the time that it takes to connect one.

One statement looks everything up, one request sets the credit apart, one statement keeps the answer. The wallet comes
first: what is set apart for an answer that was never kept is found again by the repetition, under the same key, or
expires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Row

from belkosten import postings
from belkosten.parameters import CallPolicy, call_policy_on
from belkosten.queries import calls
from belkosten.queries.calls import Authorisation
from belkosten.refusals import CallIdReused
from belkosten.rules.authorising import (
    Answer,
    CallerOnTheLine,
    CallRefusal,
    Reservation,
    answer_for,
    refusal_of,
    reservation,
)
from belkosten.rules.rating import UNKNOWN_PARTICIPANT
from foundation.clock import business_date, now
from foundation.database import Database
from foundation.money import ZERO, Cents
from foundation.outbox import DeliveryRefused
from wallet_contract.client import WalletClient

_NOTHING_THERE = frozenset({"tooLittle", "unknownAccount", "closedAccount"})
_ASKED_BEFORE = "idempotencyKeyReused"


@dataclass(frozen=True, slots=True)
class AskedCall:
    """What a provider asks; `number` in the form in which numbers are compared."""

    provider: str
    call_id: str
    participant: str
    number: str


def authorise(database: Database, wallet: WalletClient, asked: AskedCall) -> Answer:
    """Say whether a call may be made and for how long, set its credit apart and keep the answer.

    The same call again has the same answer. Raises `CallIdReused` for another call under a known id, and what the wallet
    client raises where it is not known what the wallet did: then the same question may be asked again.
    """
    today = business_date()
    found = _look_up(database, asked, today)
    if not found.is_known:
        # What was written in the place of a number may be a telephone number, and is not kept.
        asked = replace(asked, participant=UNKNOWN_PARTICIPANT)
    if found.is_asked:
        return _repeated(found, asked)
    line = CallerOnTheLine(found.holder_id, found.approved_number_id, found.ended)
    refused = refusal_of(line)
    if refused is not None:
        answer, kept = Answer(0, refused), _refused(asked, today, line, refused)
    else:
        assert line.holder_id is not None
        answer, kept = _set_apart(wallet, asked, today, line, line.holder_id)
    if database.alone(lambda connection: calls.keep(connection, kept)):
        return answer
    # Somebody asked the same at the same moment, and was first.
    return _repeated(_look_up(database, asked, today), asked)


def _look_up(database: Database, asked: AskedCall, today: date) -> Row[Any]:
    return database.alone(
        lambda connection: calls.look_up(
            connection, asked.provider, asked.call_id, asked.participant, asked.number, today
        )
    )


def _repeated(found: Row[Any], asked: AskedCall) -> Answer:
    # A number that is not approved is not remembered: two of those cannot be told apart, and are refused alike.
    same_number = found.asked_number_id is None or found.asked_number_id == found.approved_number_id
    if found.asked_participant != asked.participant or not same_number:
        raise CallIdReused
    return Answer(found.max_seconds, CallRefusal(found.reason) if found.reason else None)


def _set_apart(
    wallet: WalletClient, asked: AskedCall, today: date, line: CallerOnTheLine, holder_id: str
) -> tuple[Answer, Authorisation]:
    policy = call_policy_on(today)
    account = postings.FUND if policy.credit is None else postings.purse_of(holder_id)
    wanted = reservation(policy.tariff, policy.longest_s, policy.record_within, now())
    hold_id, held = _hold(wallet, asked, account, wanted)
    answer = answer_for(held, policy.tariff, policy.longest_s)
    if hold_id is None or answer.reason is not None:
        return answer, _refused(asked, today, line, CallRefusal.NO_CREDIT)
    return answer, _allowed(asked, today, line, policy, answer, hold_id, account, held)


def _hold(wallet: WalletClient, asked: AskedCall, account: str, wanted: Reservation) -> tuple[str | None, Cents]:
    call = postings.call_of(asked.provider, asked.call_id)
    hold = postings.call_hold(call, account, wanted.at_most, wanted.expires_at)
    try:
        opened = wallet.open_hold(hold.as_json(), key=f"call/{call}")
    except DeliveryRefused as refusal:
        if refusal.code in _NOTHING_THERE:
            return None, ZERO
        if refusal.code != _ASKED_BEFORE:
            raise
        # Asked before, a minute or more ago, and the answer was lost: what was set apart then is still there or was
        # never there.
        found = [one for one in wallet.holds(account, hold.purpose) if one["state"] == "open"]
        if not found:
            return None, ZERO
        opened = found[0]
    return str(opened["id"]), Cents(opened["amount"])


def _refused(asked: AskedCall, today: date, line: CallerOnTheLine, reason: CallRefusal) -> Authorisation:
    return Authorisation(
        asked.provider, asked.call_id, asked.participant, line.approved_number_id, 0, reason.value, today
    )


def _allowed(
    asked: AskedCall,
    today: date,
    line: CallerOnTheLine,
    policy: CallPolicy,
    answer: Answer,
    hold_id: str,
    account: str,
    held: Cents,
) -> Authorisation:
    return Authorisation(
        asked.provider,
        asked.call_id,
        asked.participant,
        line.approved_number_id,
        answer.max_seconds,
        None,
        today,
        tariff=policy.tariff,
        hold_id=hold_id,
        hold_account=account,
        held=held,
    )
