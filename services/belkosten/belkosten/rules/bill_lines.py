"""Reading the five fields of a line of a provider's bill."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from belkosten.rules.rating import CALL_ID, PARTICIPANT_NUMBER, instant_of
from foundation.money import Cents
from foundation.row_files import Columns, RawRow

COLUMNS = Columns(
    ("callId", "participantNumber", "startedAt", "seconds", "amount"),
    "factuurregels",
    numbers=frozenset({"seconds", "amount"}),
)
PARTICIPANT_NUMBER_LIMIT = 64

_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]+[.,][0-9]+")


@dataclass(frozen=True, slots=True)
class BillLine:
    """One line as the provider bills it. `participant_number` is empty where it cannot be one of ours."""

    row: int
    call_id: str
    participant_number: str
    started_at: datetime
    seconds: int
    amount: Cents


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line of which a field is missing or wrong; the message says which and how to write it."""

    row: int
    message: str


def read_line(raw: RawRow) -> BillLine | UnreadableLine:
    """Read one line, its fields trimmed: an instant in ISO 8601, whole seconds, and an amount in whole cents.

    A participant number that is none of ours is read as empty, and judged: what stands there instead may be a telephone
    number, and is never kept.
    """
    if raw.problem is not None:
        return UnreadableLine(raw.row, raw.problem)
    call_id, number, started, seconds, amount = (cell.strip() for cell in raw.cells)
    started_at = instant_of(started)
    if (
        started_at is not None
        and CALL_ID.fullmatch(call_id)
        and 0 < len(number) <= PARTICIPANT_NUMBER_LIMIT
        and _WHOLE.fullmatch(seconds)
        and _WHOLE.fullmatch(amount)
    ):
        known_shape = number if PARTICIPANT_NUMBER.fullmatch(number) else ""
        return BillLine(raw.row, call_id, known_shape, started_at, int(seconds), Cents(int(amount)))
    return UnreadableLine(raw.row, _fault(call_id, number, started, seconds, amount))


def _fault(call_id: str, number: str, started: str, seconds: str, amount: str) -> str:
    """Say in Dutch which field is wrong; nothing that stands in a field is repeated."""
    if not CALL_ID.fullmatch(call_id):
        return "callId is leeg of geen gespreksnummer: 1 tot 64 letters, cijfers en . _ : -"
    if not 0 < len(number) <= PARTICIPANT_NUMBER_LIMIT:
        return "participantNumber is leeg of te lang; vul het nummer van de deelnemer in."
    if instant_of(started) is None:
        return "startedAt is geen tijdstip; schrijf bijvoorbeeld 2026-10-01T09:30:00+02:00."
    if not _WHOLE.fullmatch(seconds):
        return "seconds is geen heel aantal seconden van 0 of meer."
    if _DECIMAL.fullmatch(amount):
        return "amount heeft decimalen; schrijf het bedrag in centen: 35 voor € 0,35."
    return "amount is geen bedrag; schrijf het in centen, zonder punten of euroteken: 35 voor € 0,35."
