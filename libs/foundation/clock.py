"""The business date, which a local installation may set, and the real time, which nobody may."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DATE_FILE_SETTING = "STADSBEURS_BUSINESS_DATE_FILE"


def now() -> datetime:
    """Give the real time in UTC: for records, leases and tokens."""
    return datetime.now(UTC)


def business_date() -> date:
    """Give the date on which decisions are taken, in Europe/Amsterdam.

    A local installation may hold it still in a file. The file is read at every call, so that a new date
    is in force in every process as soon as it is written.
    """
    path = os.environ.get(DATE_FILE_SETTING)
    held = date_in(Path(path)) if path else None
    return held or now().astimezone(AMSTERDAM).date()


def business_date_at(instant: datetime) -> date:
    """Give the business date on which an instant falls: today's, less the days that have really gone by since."""
    return business_date() - (now().astimezone(AMSTERDAM).date() - instant.astimezone(AMSTERDAM).date())


def date_in(path: Path) -> date | None:
    """Give the date that a file holds still; None where the file is not there or empty."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return date.fromisoformat(text) if text else None
