"""Calendar quarters and months as values; dates are local dates in Europe/Amsterdam."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date

_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True, slots=True)
class Quarter:
    """One calendar quarter, such as 2026-Q3 (July, August, September)."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (1 <= self.number <= 4 and MINYEAR <= self.year <= MAXYEAR):
            raise ValueError(f"quarter {self.number} of year {self.year} is not in the calendar")

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read `2026-Q3`; raises `ValueError` for anything else."""
        match = _QUARTER.fullmatch(text)
        if match is None or match[1] == "0000":
            raise ValueError(f"{text!r} is not a quarter; write it as 2026-Q3")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Quarter:
        """Give the quarter that a day falls in."""
        return cls(day.year, (day.month + 2) // 3)

    @property
    def start(self) -> date:
        return date(self.year, 3 * self.number - 2, 1)

    @property
    def end(self) -> date:
        """The last day, which still belongs to the quarter."""
        return date(self.year, 3 * self.number, 31 if self.number in (1, 4) else 30)

    def next(self) -> Quarter:
        return Quarter(self.year, self.number + 1) if self.number < 4 else Quarter(self.year + 1, 1)

    def previous(self) -> Quarter:
        return Quarter(self.year, self.number - 1) if self.number > 1 else Quarter(self.year - 1, 4)

    def __str__(self) -> str:
        return f"{self.year:04d}-Q{self.number}"


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """One calendar month, such as 2026-09."""

    year: int
    number: int

    def __post_init__(self) -> None:
        if not (1 <= self.number <= 12 and MINYEAR <= self.year <= MAXYEAR):
            raise ValueError(f"month {self.number} of year {self.year} is not in the calendar")

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2026-09`; raises `ValueError` for anything else."""
        match = _MONTH.fullmatch(text)
        if match is None or match[1] == "0000":
            raise ValueError(f"{text!r} is not a month; write it as 2026-09")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """Give the month that a day falls in."""
        return cls(day.year, day.month)

    @property
    def start(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def end(self) -> date:
        """The last day, which still belongs to the month."""
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def next(self) -> Month:
        return Month(self.year, self.number + 1) if self.number < 12 else Month(self.year + 1, 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
