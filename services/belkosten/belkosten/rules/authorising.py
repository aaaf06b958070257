"""May this call be made, and for how long? Asked by the provider while somebody waits for the line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from belkosten.rules.tariffs import Tariff, cost_of, seconds_for
from foundation.money import Cents


class CallRefusal(StrEnum):
    """Why a call may not be made."""

    NOT_REGISTERED = "notRegistered"
    NUMBER_NOT_APPROVED = "numberNotApproved"
    CALL_ENDED = "callEnded"
    NO_CREDIT = "noCredit"


@dataclass(frozen=True, slots=True)
class CallerOnTheLine:
    """What is known when a provider asks: who calls, what they may call, and whether the call was told of already."""

    holder_id: str | None
    """Whose purse pays; None where nobody takes part under that number today."""
    approved_number_id: UUID | None
    ended: bool
    """There is a record of this call."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What to set apart for a call: as much of `at_most` as there is, until its record must be there."""

    at_most: Cents
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider is told; `max_seconds` is 0 where the call is refused."""

    max_seconds: int
    reason: CallRefusal | None = None

    @property
    def allowed(self) -> bool:
        return self.reason is None


def refusal_of(line: CallerOnTheLine) -> CallRefusal | None:
    """Say why a call may not be made, whatever is in the purse; the first reason that holds."""
    if line.holder_id is None:
        return CallRefusal.NOT_REGISTERED
    if line.approved_number_id is None:
        return CallRefusal.NUMBER_NOT_APPROVED
    if line.ended:
        return CallRefusal.CALL_ENDED
    return None


def reservation(tariff: Tariff, longest_s: int, record_within: timedelta, at: datetime) -> Reservation:
    """Say what to set apart for a call that begins at `at`: the cost of the longest, until its record is overdue.

    The end is on a whole minute, so that the same question a second later asks for the same.
    """
    end = at + timedelta(seconds=longest_s) + record_within
    whole = end.replace(second=0, microsecond=0)
    return Reservation(cost_of(longest_s, tariff), whole if whole == end else whole + timedelta(minutes=1))


def answer_for(held: Cents, tariff: Tariff, longest_s: int) -> Answer:
    """Say how long a call may last on what was set apart for it; nothing at all is no call."""
    if held <= 0:
        return Answer(0, CallRefusal.NO_CREDIT)
    return Answer(min(longest_s, seconds_for(held, tariff)))
