"""Reading the five fields of an hour row, wherever it comes from: a file, or one row posted by itself."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

from burgerbudget.rules.hours import HourRow, MalformedRow
from foundation.row_files import RawRow

EXTERNAL_ID_LIMIT = 100
PARTICIPANT_NUMBER_LIMIT = 32
HOURS_LIMIT = 20
ACTIVITY_LIMIT = 200

_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DUTCH_DATE = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# Only what looks like a date or a small number is repeated in a message: a shifted column may hold a name or
# a BSN.
_SAFE_TO_SHOW = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}|[+-]?[0-9]{1,4}(?:[.,][0-9]{0,4}){0,2}")


def parse_row(raw: RawRow) -> HourRow | MalformedRow:
    """Read a row's five fields: dates as 2026-04-18 or 18-04-2026, hours with a comma or a point, all trimmed.

    A sign belongs to a number (`-2` is read, and refused later for its range); an exponent, a thousands
    separator and words do not. Only the activity may be empty, and only it may hold line breaks.
    """
    external_id, number, worked_on_text, hours_text, activity = [cell.strip() for cell in raw.cells]
    if len(external_id) > EXTERNAL_ID_LIMIT or _CONTROL.search(external_id):
        return MalformedRow(raw.row, "", f"externalId is langer dan {EXTERNAL_ID_LIMIT} tekens of bevat stuurtekens.")
    worked_on, hours = _date(worked_on_text), hours_number(hours_text)
    if (
        raw.problem is None
        and worked_on is not None
        and hours is not None
        and external_id
        and 0 < len(number) <= PARTICIPANT_NUMBER_LIMIT
        and len(activity) <= ACTIVITY_LIMIT
        and not _CONTROL.search(number)
        and not _CONTROL_IN_TEXT.search(activity)
    ):
        return HourRow(raw.row, external_id, number, worked_on, hours, activity)
    return MalformedRow(raw.row, external_id, raw.problem or _reason(raw))


@lru_cache(maxsize=4096)
def _date(text: str) -> date | None:
    if not _ISO_DATE.fullmatch(text):
        dutch = _DUTCH_DATE.fullmatch(text)
        if dutch is None:
            return None
        text = f"{dutch[3]}-{dutch[2]}-{dutch[1]}"
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def hours_number(text: str) -> Decimal | None:
    """Give hours as they were written, any sign and any number of decimals; `None` for what is no number."""
    if len(text) > HOURS_LIMIT or not _NUMBER.fullmatch(text):
        return None
    return Decimal(text.replace(",", "."))


def _reason(raw: RawRow) -> str:
    """Say in Dutch which field is wrong and how it should be written."""
    external_id, number, worked_on, hours, _ = [cell.strip() for cell in raw.cells]
    required = {"externalId": external_id, "participantNumber": number, "workedOn": worked_on, "hours": hours}
    empty = [name for name, text in required.items() if not text]
    if empty:
        return f"{' en '.join(empty)} is leeg; vul het veld in."
    if _date(worked_on) is None:
        return f"workedOn {_shown(worked_on)} is geen datum; schrijf bijvoorbeeld 2026-04-18 of 18-04-2026."
    if hours_number(hours) is None:
        return f"hours {_shown(hours)} is geen getal; schrijf bijvoorbeeld 2,75."
    if len(number) > PARTICIPANT_NUMBER_LIMIT or _CONTROL.search(number):
        return f"participantNumber is langer dan {PARTICIPANT_NUMBER_LIMIT} tekens of bevat stuurtekens."
    return f"activity is langer dan {ACTIVITY_LIMIT} tekens of bevat stuurtekens."


def _shown(text: str) -> str:
    return f"'{text}'" if _SAFE_TO_SHOW.fullmatch(text) else "(tekst)"
