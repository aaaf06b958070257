"""What a call record comes to: refused, known, or one call with its cost (section 2 of the rules).

A record does not say whether its number may be called: that is judged here, on the day of the call, and the number is
forgotten. What stays is the line of the list that it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from belkosten.rules.numbers import FORM, e164
from belkosten.rules.tariffs import Tariff, cost_of
from foundation.money import ZERO, Cents
from foundation.row_files import RawRow

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
LONGEST_S = 24 * 60 * 60
"""No call lasts longer than a day: a record that says so is a mistake."""

CALL_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
PARTICIPANT_NUMBER = re.compile(r"[0-9]{6,9}")
UNKNOWN_PARTICIPANT = "unknown"
"""Stands for every number under which nobody ever took part: what was written there may be a telephone number."""

_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_SECONDS = re.compile(r"[0-9]{1,6}")


class RecordCode(StrEnum):
    """Why a record is refused."""

    MALFORMED = "malformed"
    DATE_IN_FUTURE = "dateInFuture"
    CALL_ID_REUSED = "callIdReused"


class CallOutcome(StrEnum):
    """What a call came to when its record was rated."""

    RATED = "rated"
    NOT_REGISTERED = "notRegistered"
    NUMBER_NOT_APPROVED = "numberNotApproved"


@dataclass(frozen=True, slots=True)
class CallContent:
    """What makes a record the same call as an earlier one."""

    participant_number: str
    started_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A record that could be read. `number` is what was dialled: it lives no longer than this value."""

    row: int
    call_id: str
    number: str
    content: CallContent

    def by_nobody(self) -> CallRecord:
        """Give the same record of somebody who is not known here, without what was written in the place of a number."""
        return replace(self, content=replace(self.content, participant_number=UNKNOWN_PARTICIPANT))

    @property
    def called_on(self) -> date:
        """The local date on which the call began."""
        return self.content.started_at.astimezone(AMSTERDAM).date()

    def __repr__(self) -> str:
        return f"CallRecord(row={self.row}, call_id={self.call_id!r})"


@dataclass(frozen=True, slots=True)
class MalformedRecord:
    """A record that cannot be read, and why; nothing of it is repeated."""

    row: int
    problem: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was answered before the call; `max_seconds` is 0 where it was refused."""

    participant_number: str
    max_seconds: int


@dataclass(frozen=True, slots=True)
class RatingContext:
    """What is known about a record: what came before it, who takes part and what may be called on its day."""

    taken: CallContent | None
    """The call that has this id already."""
    asked: Asked | None
    registered: bool
    approved_number_id: UUID | None
    tariff: Tariff | None
    """The price of a minute on the day of the call; wanted where it is to be rated."""
    today: date
    real_today: date


@dataclass(frozen=True, slots=True)
class RatedCall:
    """A record that is taken as a call; it costs nothing unless it is `rated`."""

    outcome: CallOutcome
    approved_number_id: UUID | None = None
    tariff: Tariff | None = None
    billable_seconds: int = 0
    cost: Cents = ZERO


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record that was taken before."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that is not taken, with its code and why."""

    code: RecordCode
    message: str


def judge_record(
    record: CallRecord | MalformedRecord, context: RatingContext
) -> RatedCall | KnownRecord | RefusedRecord:
    """Say what a record comes to: to be read, not in the future, not another call under a known id; then rated.

    Billable is what lies within what was allowed before the call; a call that nobody asked for is billable whole.
    """
    if isinstance(record, MalformedRecord):
        return RefusedRecord(RecordCode.MALFORMED, record.problem)
    called_on = record.called_on
    if called_on > max(context.today, context.real_today):
        return RefusedRecord(RecordCode.DATE_IN_FUTURE, f"startedAt ligt op {called_on}, en dat is nog niet geweest.")
    if context.taken is not None:
        return KnownRecord() if context.taken == record.content else _reused()
    if context.asked is not None and context.asked.participant_number != record.content.participant_number:
        return _reused()
    if not context.registered:
        return RatedCall(CallOutcome.NOT_REGISTERED)
    if context.approved_number_id is None:
        return RatedCall(CallOutcome.NUMBER_NOT_APPROVED)
    assert context.tariff is not None, "a call that is rated has a day with a tariff"
    seconds = record.content.seconds
    billable = seconds if context.asked is None else min(seconds, context.asked.max_seconds)
    cost = cost_of(billable, context.tariff)
    return RatedCall(CallOutcome.RATED, context.approved_number_id, context.tariff, billable, cost)


def _reused() -> RefusedRecord:
    return RefusedRecord(
        RecordCode.CALL_ID_REUSED,
        "Dit callId hoort bij een gesprek met een andere deelnemer, een ander begin of een andere duur.",
    )


def parse_record(raw: RawRow) -> CallRecord | MalformedRecord:
    """Read a record's five fields, trimmed; `startedAt` without an offset is local time, and twice an hour the first."""
    call_id, participant, called, started_text, seconds_text = [cell.strip() for cell in raw.cells]
    problem = raw.problem or _empty(call_id, participant, called, started_text, seconds_text)
    if problem is not None:
        return MalformedRecord(raw.row, problem)
    if not CALL_ID.fullmatch(call_id):
        return MalformedRecord(raw.row, "callId bestaat uit 1 tot 64 letters, cijfers en de tekens . _ : -")
    if not PARTICIPANT_NUMBER.fullmatch(participant):
        return MalformedRecord(raw.row, "participantNumber bestaat uit 6 tot 9 cijfers.")
    number = e164(called)
    if number is None:
        return MalformedRecord(raw.row, f"calledNumber is geen internationaal nummer. {FORM}")
    started_at = instant_of(started_text)
    if started_at is None:
        return MalformedRecord(
            raw.row,
            "startedAt is geen tijdstip; schrijf bijvoorbeeld 2026-10-01T14:30:00Z of 2026-10-01T16:30:00+02:00.",
        )
    seconds = int(seconds_text) if _SECONDS.fullmatch(seconds_text) else None
    if seconds is None or seconds > LONGEST_S:
        return MalformedRecord(raw.row, f"seconds is geen geheel getal van 0 tot {LONGEST_S}.")
    return CallRecord(raw.row, call_id, number, CallContent(participant, started_at, seconds))


def _empty(call_id: str, participant: str, called: str, started: str, seconds: str) -> str | None:
    required = {
        "callId": call_id,
        "participantNumber": participant,
        "calledNumber": called,
        "startedAt": started,
        "seconds": seconds,
    }
    empty = [name for name, text in required.items() if not text]
    return f"{' en '.join(empty)} is leeg; vul het veld in." if empty else None


def instant_of(text: str) -> datetime | None:
    """Read an instant (ISO 8601) in UTC; without an offset it is the time in the Netherlands, of an hour twice the first.

    >>> instant_of("2026-10-25 02:30"), instant_of("2026-10-25")
    (datetime.datetime(2026, 10, 25, 0, 30, tzinfo=datetime.timezone.utc), None)
    """
    if not _INSTANT.fullmatch(text):
        return None
    try:
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo is not None else read.replace(tzinfo=AMSTERDAM)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
