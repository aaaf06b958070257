"""When somebody takes part: start, stop and restart (BB-1, BB-6, BB-7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop at the close of `quarter` (BB-6), until `restart`, the first quarter of a restart (BB-7)."""

    quarter: Quarter
    restart: Quarter | None = None

    def covers(self, quarter: Quarter) -> bool:
        """Tell whether a quarter lies after the close that stopped and before the restart."""
        return self.quarter < quarter and (self.restart is None or quarter < self.restart)


@dataclass(frozen=True, slots=True)
class Participation:
    """One participant's time in the scheme; `stops` are in order of time, only the last one can be open."""

    number: str
    start: Quarter
    stops: tuple[Stop, ...] = ()

    @property
    def stopped(self) -> bool:
        return bool(self.stops) and self.stops[-1].restart is None

    @property
    def counts_from(self) -> Quarter:
        """The quarter that the counter counts from: the start, or the last restart (BB-7)."""
        restarts = [stop.restart for stop in self.stops if stop.restart is not None]
        return restarts[-1] if restarts else self.start

    def pauses_in(self, quarter: Quarter) -> bool:
        """Tell whether a quarter falls between a stop and its restart."""
        return any(stop.covers(quarter) for stop in self.stops)

    def takes_part_in(self, quarter: Quarter) -> bool:
        """Tell whether a quarter's hours count and its close judges them."""
        return self.start <= quarter and not self.pauses_in(quarter)

    def stop(self, quarter: Quarter) -> Participation:
        """Stop at the close of a quarter (BB-6); the purses are left as they are."""
        if self.stopped:
            raise ValueError(f"participation {self.number} has stopped already")
        return replace(self, stops=(*self.stops, Stop(quarter)))

    def restart(self, quarter: Quarter) -> Participation:
        """Take part again from `restart_quarter(...)` on: no start amount, balance carried over (BB-7)."""
        last = self._open_stop()
        if quarter <= last.quarter:
            raise ValueError(f"participation {self.number} stopped at the close of {last.quarter}, after {quarter}")
        return replace(self, stops=(*self.stops[:-1], Stop(last.quarter, quarter)))

    def reopen(self) -> Participation:
        """Undo the last stop as if it had not been, because late hours took its ground away (BB-9)."""
        self._open_stop()
        return replace(self, stops=self.stops[:-1])

    def _open_stop(self) -> Stop:
        if not self.stopped:
            raise ValueError(f"participation {self.number} has not stopped")
        return self.stops[-1]


def start_quarter(enrolled_on: date, window_days: int) -> Quarter:
    """Give the quarter that an enrolment starts in: this one within its first days, else the next (BB-1).

    With a window of 7 days, 7 July starts in the third quarter and 8 July in the fourth.
    """
    quarter = Quarter.of(enrolled_on)
    in_window = (enrolled_on - quarter.start).days < window_days
    return quarter if in_window else quarter.next()


def restart_quarter(restarted_on: date, stopped_at: Quarter, window_days: int) -> Quarter:
    """Give the first quarter of a restart: as for a start, never one judged before the stop (BB-7)."""
    return max(start_quarter(restarted_on, window_days), stopped_at.next())


def start_is_due(start: Quarter, today: date, already_started: bool) -> bool:
    """Tell whether to credit the start amount now: once in a lifetime, from the start quarter on (BB-1)."""
    return not already_started and today >= start.start


def may_enrol_on(enrolled_on: date, oldest_open_quarter: Quarter) -> bool:
    """Tell whether an enrolment may bear this date: not before the oldest quarter still open (BB-1)."""
    return enrolled_on >= oldest_open_quarter.start
