"""Time from a day until a day, both included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Span:
    """From `first` until `last`, both included; without a last day it goes on."""

    first: date
    last: date | None = None

    def includes(self, day: date) -> bool:
        """Tell whether a day falls in it."""
        return self.first <= day and (self.last is None or day <= self.last)

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two have a day in common."""
        return (self.last is None or other.first <= self.last) and (other.last is None or self.first <= other.last)
