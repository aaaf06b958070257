"""The clock of a worker, over time that a test moves itself."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.beat import ScheduleEntry
from celery.schedules import schedule

from foundation.work import Clock, configure

BEGIN = datetime(2026, 10, 1, 12, tzinfo=UTC)
A_LOOK = timedelta(microseconds=50)


class CountingClock(Clock):
    """Counts what it would send."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sent: Counter[str] = Counter()

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        self.sent[entry.name] += 1

    @property
    def producer(self) -> None:
        return None


def test_the_clock_sleeps_until_something_is_due_and_forgets_nothing() -> None:
    now = BEGIN
    app = configure("tiny", "redis://127.0.0.1:1")
    app.conf.beat_schedule = {
        name: {"task": name, "schedule": schedule(every_s, nowfun=lambda: now, app=app)}
        for name, every_s in (("each-second", 1.0), ("each-two-seconds", 2.0), ("each-ten-seconds", 10.0))
    }
    clock = CountingClock(app)
    looks = 0
    while now < BEGIN + timedelta(seconds=60.5):
        looks += 1
        now += timedelta(seconds=max(clock.tick(), 0)) + A_LOOK
    assert clock.sent == {"each-second": 60, "each-two-seconds": 30, "each-ten-seconds": 6}
    # For each: that it is due, and how long it is until the next.
    assert looks <= 3 * clock.sent.total()


def test_the_workers_of_the_house_go_by_that_clock() -> None:
    assert configure("tiny", "redis://127.0.0.1:1").conf.beat_scheduler is Clock
