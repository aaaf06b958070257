"""The days on which banks in the euro area settle payments (TARGET)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import holidays


@lru_cache(maxsize=64)
def _closing_days(year: int) -> frozenset[date]:
    return frozenset(holidays.financial_holidays("XECB", years=year))


def is_target_day(day: date) -> bool:
    """Tell whether banks settle on this day: no Saturday, Sunday or TARGET closing day."""
    return day.weekday() < 5 and day not in _closing_days(day.year)


def next_target_day(day: date) -> date:
    """Give this day when it is a TARGET day, otherwise the first one after it."""
    while not is_target_day(day):
        day += timedelta(days=1)
    return day
