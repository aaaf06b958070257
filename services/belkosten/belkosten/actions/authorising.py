"""Answering providers before their calls, in the time that it takes to connect one.

All who ask at the same moment are answered together: one statement looks everything up, one request sets the credits
apart, one statement keeps the answers. The wallet comes before the keeping: what is set apart for an answer that was never
kept is found again by the repetition, under the same id, or expires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from belkosten import postings
from belkosten.parameters import CallPolicy, call_policy_on
from belkosten.queries import calls
from belkosten.queries.calls import AskedCall, Authorisation
from belkosten.refusals import CallIdReused
from belkosten.rules.authorising import (
    Answer,
    CallerOnTheLine,
    CallRefusal,
    answer_for,
    refusal_of,
    reservation,
)
from belkosten.rules.rating import UNKNOWN_PARTICIPANT
from foundation.clock import business_date, now
from foundation.database import Database
from foundation.gathering import Together
from foundation.money import ZERO, Cents
from foundation.outbox import DeliveryRefused
from wallet_contract.client import WalletClient
from wallet_contract.messages import MAX_HOLDS

AT_ONCE = 2
"""So many goes beside one another: most of the time of one it waits for the wallet and the database."""

_NOTHING_THERE = frozenset({"tooLittle", "unknownAccount", "closedAccount"})

Outcome = Answer | CallIdReused | DeliveryRefused
"""What becomes of one question; what is no answer is raised to who asked it."""


class Authoriser:
    """Answers providers; those who ask while others are being answered are answered together."""

    def __init__(self, database: Database, wallet: WalletClient) -> None:
        self._together: Together[AskedCall, Outcome] = Together(
            lambda asked: authorise(database, wallet, asked), lambda asked: asked.key, most=MAX_HOLDS, threads=AT_ONCE
        )

    async def authorise(self, asked: AskedCall) -> Answer:
        """Say whether a call may be made and for how long, set its credit apart and keep the answer.

        The same call again has the same answer. Raises `CallIdReused` for another call under a known id, and what the
        wallet client raises where it is not known what the wallet did: then the same question may be asked again.
        """
        outcome = await self._together.ask(asked)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@dataclass(frozen=True, slots=True)
class _Judged:
    """A call that is not refused out of hand, and whose purse pays for it."""

    call: AskedCall
    line: CallerOnTheLine
    account: str

    @property
    def hold_id(self) -> UUID:
        return postings.call_of(self.call.provider, self.call.call_id)


def authorise(database: Database, wallet: WalletClient, asked: Sequence[AskedCall]) -> list[Outcome]:
    """Answer these calls, each with a key of its own, in their order. Raises `DeliveryFailed` for all of them."""
    today = business_date()
    policy = call_policy_on(today)
    outcomes: dict[tuple[str, str], Outcome] = {}
    to_keep: list[Authorisation] = []
    judged: list[_Judged] = []
    asked, found = _look_up(database, asked, today)
    for call, row in zip(asked, found, strict=True):
        line = CallerOnTheLine(row.holder_id, row.approved_number_id, row.ended)
        refused = refusal_of(line)
        if row.is_asked:
            outcomes[call.key] = _repeated(row, call)
        elif refused is not None:
            outcomes[call.key] = Answer(0, refused)
            to_keep.append(_refused(call, line, refused))
        else:
            assert line.holder_id is not None
            account = postings.FUND if policy.credit is None else postings.purse_of(line.holder_id)
            judged.append(_Judged(call, line, account))
    for one, held in _set_apart(wallet, judged, policy).items():
        if isinstance(held, DeliveryRefused):
            outcomes[one.call.key] = held
            continue
        answer = answer_for(held, policy.tariff, policy.longest_s)
        outcomes[one.call.key] = answer
        to_keep.append(
            _refused(one.call, one.line, answer.reason) if answer.reason else _allowed(one, policy, answer, held)
        )
    if to_keep:
        kept = database.alone(lambda cursor: calls.keep(cursor, to_keep, today))
        # Somebody asked the same at the same moment, and was first.
        late = [one.call for one in to_keep if one.call.key not in kept]
        outcomes |= {call.key: _repeated(row, call) for call, row in zip(*_look_up(database, late, today), strict=True)}
    return [outcomes[call.key] for call in asked]


def _look_up(database: Database, asked: Sequence[AskedCall], today: date) -> tuple[Sequence[AskedCall], Sequence[Any]]:
    if not asked:
        return [], []
    found = database.alone(lambda cursor: calls.look_up(cursor, asked, today))
    # What was written in the place of a number may be a telephone number, and is not kept.
    known = [
        call if row.is_known else replace(call, participant=UNKNOWN_PARTICIPANT)
        for call, row in zip(asked, found, strict=True)
    ]
    return known, found


def _repeated(found: Any, asked: AskedCall) -> Answer | CallIdReused:
    # A number that is not approved is not remembered: two of those cannot be told apart, and are refused alike.
    same_number = found.asked_number_id is None or found.asked_number_id == found.approved_number_id
    if found.asked_participant != asked.participant or not same_number:
        return CallIdReused()
    return Answer(found.max_seconds, CallRefusal(found.reason) if found.reason else None)


def _set_apart(
    wallet: WalletClient, judged: Sequence[_Judged], policy: CallPolicy
) -> Mapping[_Judged, Cents | DeliveryRefused]:
    """Set apart what there is for each call, and give how much that is."""
    if not judged:
        return {}
    wanted = reservation(policy.tariff, policy.longest_s, policy.record_within, now())
    items = wallet.have_holds(
        {one.hold_id: postings.call_hold(one.hold_id, one.account, wanted.at_most, wanted.expires_at) for one in judged}
    )
    return {one: _held(item) for one, item in zip(judged, items, strict=True)}


def _held(item: Mapping[str, Any]) -> Cents | DeliveryRefused:
    if "hold" in item:
        # One that was opened for an answer that was lost, and is over by now, is nothing to call on.
        return Cents(item["hold"]["amount"]) if item["hold"]["state"] == "open" else ZERO
    refusal = item["refusal"]
    return ZERO if refusal["code"] in _NOTHING_THERE else DeliveryRefused(refusal["code"], refusal["message"])


def _refused(call: AskedCall, line: CallerOnTheLine, reason: CallRefusal) -> Authorisation:
    return Authorisation(call, line.approved_number_id, 0, reason.value)


def _allowed(one: _Judged, policy: CallPolicy, answer: Answer, held: Cents) -> Authorisation:
    return Authorisation(
        one.call,
        one.line.approved_number_id,
        answer.max_seconds,
        None,
        tariff=policy.tariff,
        hold_id=str(one.hold_id),
        hold_account=one.account,
        held=held,
    )
