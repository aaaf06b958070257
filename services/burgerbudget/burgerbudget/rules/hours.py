"""Whether an hour row counts (BB-2): one verdict a row, with the first code of the contract that applies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from burgerbudget.rules.participation import Participation
from foundation.hours import Hours, hours_text
from foundation.periods import Quarter

_QUARTER_HOUR = Decimal("0.25")


class HourCode(StrEnum):
    """Why an hour row is refused, in the order in which the reasons are tested."""

    EXTERNAL_ID_REUSED = "externalIdReused"
    MALFORMED = "malformed"
    PAYS_ALLOWANCE = "paysAllowance"
    UNKNOWN_PARTICIPANT = "unknownParticipant"
    HOURS_OUT_OF_RANGE = "hoursOutOfRange"
    NOT_QUARTER_HOURS = "notQuarterHours"
    DATE_IN_FUTURE = "dateInFuture"
    BEFORE_START = "beforeStart"
    STOPPED = "stopped"
    NOT_RECOGNISED = "notRecognised"
    DAY_FULL = "dayFull"


BAD_INPUT_CODES = frozenset({HourCode.MALFORMED, HourCode.HOURS_OUT_OF_RANGE, HourCode.NOT_QUARTER_HOURS})
"""The codes for input that is wrong in itself (400 for a single row); others are a rule saying no (409)."""


@dataclass(frozen=True, slots=True)
class HourRow:
    """A row whose fields could be read; `hours` is any number, exactly as it was written."""

    row: int
    external_id: str
    participant_number: str
    worked_on: date
    hours: Decimal
    activity: str


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row with a field that could not be read; `external_id` is empty when that one is unusable."""

    row: int
    external_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class HourContent:
    """What an accepted row says; the same `external_id` may only come back with exactly this."""

    participant_number: str
    worked_on: date
    hours: Hours
    activity: str


@dataclass(frozen=True, slots=True)
class Recognition:
    """An organisation's standing: ANBI or SBBI between two dates, both included; `None` is no end."""

    recognised_from: date
    recognised_until: date | None
    pays_allowance: bool


@dataclass(frozen=True, slots=True)
class HourContext:
    """What the verdict on one row depends on.

    `taken` is the content of the accepted row of this organisation with the same external id; `day_total`
    counts the participant's accepted hours on that day over all organisations, rows accepted earlier in the
    same file included.
    """

    organisation: Recognition
    participant: Participation | None
    taken: HourContent | None
    day_total: Hours
    today: date
    day_limit: Hours


@dataclass(frozen=True, slots=True)
class Accepted:
    """The row counts, in this quarter."""

    hours: Hours
    quarter: Quarter


@dataclass(frozen=True, slots=True)
class Known:
    """The row was accepted before and says the same: nothing happens."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The row does not count; the message (Dutch) says what, with which value, and what to do."""

    code: HourCode
    message: str


KNOWN = Known()

_quarter_of = lru_cache(maxsize=4096)(Quarter.of)


def judge_hour(row: HourRow | MalformedRow, context: HourContext) -> Accepted | Known | Refused:
    """Judge one hour row (BB-2); the order of the tests is that of `HourCode`.

    A row with a taken external id is `Known` or `externalIdReused` before anything else is looked at, so that
    sending a file again changes nothing, whatever has become of participant or organisation since.
    """
    if context.taken is not None:
        return _against(row, context.taken)
    if isinstance(row, MalformedRow):
        return Refused(HourCode.MALFORMED, row.reason)
    if context.organisation.pays_allowance:
        return Refused(
            HourCode.PAYS_ALLOWANCE,
            "Uw organisatie betaalt zelf een vergoeding; haar uren tellen niet mee voor het burgerbudget. "
            "Klopt dat niet, neem dan contact op met de gemeente.",
        )
    participant = context.participant
    if participant is None:
        return Refused(
            HourCode.UNKNOWN_PARTICIPANT,
            f"Deelnemer {row.participant_number} is niet bekend; controleer het deelnemernummer.",
        )
    refused = _number_refused(row.hours, context.day_limit)
    if refused is not None:
        return refused
    worked_on = row.worked_on
    if worked_on > context.today:
        return Refused(
            HourCode.DATE_IN_FUTURE,
            f"{worked_on} ligt na vandaag ({context.today}); geef uren door nadat zij gewerkt zijn.",
        )
    quarter = _quarter_of(worked_on)
    if quarter < participant.start:
        return Refused(
            HourCode.BEFORE_START,
            f"Deelnemer {participant.number} doet mee vanaf {participant.start.start}; "
            f"{worked_on} ligt daarvoor. Controleer de datum.",
        )
    if participant.stops and participant.pauses_in(quarter):
        return Refused(
            HourCode.STOPPED,
            f"Deelnemer {participant.number} deed op {worked_on} niet mee: de deelname was gestopt. "
            "De gemeente kan haar opnieuw laten beginnen.",
        )
    organisation = context.organisation
    until = organisation.recognised_until
    if worked_on < organisation.recognised_from or (until is not None and worked_on > until):
        span = f"vanaf {organisation.recognised_from}" + ("" if until is None else f" tot en met {until}")
        return Refused(
            HourCode.NOT_RECOGNISED,
            f"Uw organisatie is erkend {span}; {worked_on} valt daarbuiten. Controleer de datum of uw erkenning.",
        )
    hours = Hours(int(row.hours * 4))
    if context.day_total + hours > context.day_limit:
        return _day_full(participant.number, worked_on, hours, context.day_limit)
    return Accepted(hours, quarter)


def judge_correction(old: HourContent, hours: Decimal, day_total: Hours, day_limit: Hours) -> Accepted | Refused:
    """Judge the new number of hours for a row accepted before; 0 takes the row back (BB-8, BB-9).

    `day_total` counts the participant's hours on that day with the old number still in it. Whether the
    organisation is still recognised and the participant still takes part does not matter: the row was
    accepted, only its number changes. What a lower number means for money is decided by `use`: nothing.
    """
    if hours != 0:
        refused = _number_refused(hours, day_limit)
        if refused is not None:
            return refused
    corrected = Hours(int(hours * 4))
    if corrected > old.hours and day_total - old.hours + corrected > day_limit:
        return _day_full(old.participant_number, old.worked_on, corrected, day_limit)
    return Accepted(corrected, _quarter_of(old.worked_on))


def _against(row: HourRow | MalformedRow, taken: HourContent) -> Known | Refused:
    if isinstance(row, MalformedRow):
        differs = f"deze regel is niet te lezen ({row.reason})"
    else:
        pairs = (
            ("participantNumber", row.participant_number == taken.participant_number),
            ("workedOn", row.worked_on == taken.worked_on),
            ("hours", row.hours * 4 == taken.hours),
            ("activity", row.activity == taken.activity),
        )
        names = [name for name, same in pairs if not same]
        if not names:
            return KNOWN
        differs = f"anders zijn: {', '.join(names)}"
    return Refused(
        HourCode.EXTERNAL_ID_REUSED,
        f"Dit externalId hoort al bij een eerder aangenomen regel; {differs}. "
        "Geef nieuwe uren een nieuw externalId, of corrigeer de eerdere regel.",
    )


def _number_refused(hours: Decimal, day_limit: Hours) -> Refused | None:
    if hours <= 0 or hours * 4 > day_limit:
        return Refused(
            HourCode.HOURS_OUT_OF_RANGE,
            f"{_number(hours)} uur kan niet; geef meer dan 0 en ten hoogste {hours_text(day_limit)} uur op.",
        )
    if hours % _QUARTER_HOUR:
        return Refused(
            HourCode.NOT_QUARTER_HOURS,
            f"{_number(hours)} uur is geen heel aantal kwartieren; rond af op 0,25 uur.",
        )
    return None


def _day_full(participant_number: str, worked_on: date, hours: Hours, day_limit: Hours) -> Refused:
    # Not how many hours there are already: those may be another organisation's, which is none of this one's
    # business.
    return Refused(
        HourCode.DAY_FULL,
        f"Met deze {_number(Decimal(hours_text(hours)))} uur komt deelnemer {participant_number} "
        f"op {worked_on} boven {hours_text(day_limit)} uur per dag; controleer datum en uren.",
    )


def _number(hours: Decimal) -> str:
    return f"{hours:f}".replace(".", ",")
