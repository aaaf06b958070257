"""Enrolments, hours, corrections, closes, late hours and restarts in any order, against the rules written out plainly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from burgerbudget.actions import enrolment
from burgerbudget.actions import hours as hour_actions
from burgerbudget.refusals import HourRefused
from foundation.periods import Quarter
from tests.support.builders.burgerbudget import (
    LedgerOnPaper,
    a_participant,
    an_organisation,
    close,
    hours_worked,
    run_jobs,
)
from tests.support.databases import TestServer

WAGES = {
    "2025-Q1": "14.06", "2025-Q2": "14.06", "2025-Q3": "14.40", "2025-Q4": "14.40",
    "2026-Q1": "14.71", "2026-Q2": "14.71", "2026-Q3": "14.99", "2026-Q4": "14.99",
}  # fmt: skip
FIRST_DAY, LAST_DAY = date(2025, 1, 1), date(2026, 12, 31)


def quarter_of(day: date) -> str:
    return f"{day.year}-Q{(day.month + 2) // 3}"


def after(quarter: str) -> str:
    names = [*WAGES, "2027-Q1"]
    return names[names.index(quarter) + 1]


def euro_cents(quarters_of_an_hour: int, quarter: str) -> int:
    exact = Decimal(quarters_of_an_hour) * Decimal(WAGES[quarter]) * 100 / 4
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass
class PlainQuarter:
    hours: int = 0
    counted: int = 0
    mark: int = 0
    used: int = 0
    topped_up: int = 0
    judgement: str = "open"


@dataclass
class PlainPerson:
    """BB-1 to BB-9 for one person, as a civil servant would do it with a pencil."""

    number: str
    start: str
    quarters: dict[str, PlainQuarter] = field(default_factory=dict)
    waiting: list[tuple[str, int]] = field(default_factory=list)
    pauses: list[list[str | None]] = field(default_factory=list)
    started: bool = False
    budget: int = 0
    free: int = 0
    counter: int = 0

    @property
    def stopped(self) -> bool:
        return bool(self.pauses) and self.pauses[-1][1] is None

    def takes_part(self, quarter: str) -> bool:
        return quarter >= self.start and not any(
            stop < quarter and (again is None or quarter < again) for stop, again in self.pauses if stop is not None
        )

    def quarter(self, quarter: str) -> PlainQuarter:
        return self.quarters.setdefault(quarter, PlainQuarter())

    def settle(self, today: date, last_closed: str | None, closing: str | None = None) -> None:
        if not self.started and quarter_of(today) >= self.start:
            self.started, self.budget = True, 100_000
        again = True
        while again:
            again = False
            for entry in list(self.waiting):
                quarter, hours = entry
                if (closing and quarter > closing) or not self._use_is_due(quarter, last_closed):
                    continue
                self.waiting.remove(entry)
                again = True
                self._use(quarter, hours)
                if last_closed and quarter <= last_closed:
                    self._judge_late(quarter)
            if closing:
                break

    def _use_is_due(self, quarter: str, last_closed: str | None) -> bool:
        earlier = [name for name in WAGES if name < quarter and self.takes_part(name)]
        return self.takes_part(quarter) and (not earlier or (last_closed is not None and earlier[-1] <= last_closed))

    def _use(self, quarter: str, hours: int) -> None:
        here = self.quarter(quarter)
        here.counted += hours
        if here.counted > here.mark:
            moved = min(self.budget, euro_cents(here.counted, quarter) - euro_cents(here.mark, quarter))
            here.mark = here.counted
            here.used += moved
            self.budget -= moved
            self.free += moved

    def _top_up(self, here: PlainQuarter) -> None:
        here.judgement = "sufficient"
        here.topped_up = 100_000 - self.budget
        self.budget = 100_000

    def _judge_late(self, quarter: str) -> None:
        here = self.quarter(quarter)
        if here.judgement == "sufficient" or here.counted < 144:
            return
        self._top_up(here)
        restarts = [again for _, again in self.pauses if again is not None]
        since = restarts[-1] if restarts else self.start
        self.counter = 0
        for name in sorted(self.quarters, reverse=True):
            judgement = self.quarters[name].judgement
            if judgement == "open":
                continue
            if judgement == "sufficient" or name < since:
                break
            self.counter += 1
        if self.stopped and self.counter < 4:
            self.pauses.pop()

    def close(self, quarter: str, today: date, last_closed: str | None) -> None:
        if quarter < self.start:
            return
        self.settle(today, last_closed, closing=quarter)
        if not self.takes_part(quarter):
            return
        here = self.quarter(quarter)
        if here.hours >= 144:
            self._top_up(here)
            self.counter = 0
        else:
            here.judgement = "insufficient"
            self.counter += 1
            if self.counter == 4:
                self.pauses.append([quarter, None])

    def restart(self, today: date) -> None:
        here = quarter_of(today)
        begins = here if (today - Quarter.parse(here).start).days < 7 else after(here)
        stopped = self.pauses[-1][0]
        assert stopped is not None
        self.pauses[-1][1] = max(begins, after(stopped))
        self.counter = 0


class Events(RuleBasedStateMachine):
    """One town over two years."""

    server: ClassVar[TestServer]
    set_today: ClassVar[Callable[[str], None]]

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.server.fresh("burgerbudget")
        self.database = self.opened.__enter__().database
        self.ledger = LedgerOnPaper()
        self.people: dict[str, PlainPerson] = {}
        self.rows: list[dict[str, Any]] = []
        self.days: dict[tuple[str, date], int] = {}
        self.last_closed: str | None = None
        self.today = FIRST_DAY

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)

    def it_is(self, day: date) -> None:
        self.today = min(day, LAST_DAY)
        self.set_today(self.today.isoformat())
        self.settle()

    def settle(self) -> None:
        for person in self.people.values():
            person.settle(self.today, self.last_closed)

    @initialize(day=st.integers(0, 20))
    def begin(self, day: int) -> None:
        self.it_is(FIRST_DAY + timedelta(days=day))
        self.organisations = [an_organisation(self.database) for _ in range(2)]
        self.enrol()

    @rule(days=st.sampled_from([1, 6, 30, 92]))
    def time_passes(self, days: int) -> None:
        self.it_is(self.today + timedelta(days=days))

    @rule()
    def a_quarter_begins(self) -> None:
        end = Quarter.parse(quarter_of(self.today)).end
        self.it_is(end + timedelta(days=1))

    @precondition(lambda self: len(self.people) < 3 and self.today <= date(2026, 10, 7))
    @rule()
    def enrol(self) -> None:
        number = a_participant(self.database, self.today.isoformat())
        here = quarter_of(self.today)
        in_window = (self.today - Quarter.parse(here).start).days < 7
        self.people[number] = PlainPerson(number, here if in_window else after(here))
        self.settle()

    @rule(
        who=st.integers(0, 2),
        organisation=st.integers(0, 1),
        back=st.sampled_from([0, 1, 2, 40, 100, 190]),
        hours=st.sampled_from([1, 30, 47, 48, 72, 96]),
        days=st.integers(1, 3),
    )
    def report(self, who: int, organisation: int, back: int, hours: int, days: int) -> None:
        person = list(self.people.values())[who % len(self.people)]
        for offset in range(days):
            self._report_one(person, organisation, self.today - timedelta(days=back + offset), hours)

    def _report_one(self, person: PlainPerson, organisation: int, day: date, hours: int) -> None:
        quarter = quarter_of(day)
        expected = None
        if quarter < person.start:
            expected = "beforeStart"
        elif not person.takes_part(quarter):
            expected = "stopped"
        elif self.days.get((person.number, day), 0) + hours > 96:
            expected = "dayFull"
        try:
            written = str(Decimal(hours) / 4)
            row = hours_worked(self.database, self.organisations[organisation], person.number, written, day.isoformat())
        except HourRefused as refusal:
            assert refusal.errors[0].code == expected, (day, hours, refusal.message)
            return
        assert expected is None
        self.rows.append({"id": row.id, "organisation": organisation, "person": person, "day": day, "hours": hours})
        self._count(person, day, hours)

    def _count(self, person: PlainPerson, day: date, hours: int) -> None:
        self.days[person.number, day] = self.days.get((person.number, day), 0) + hours
        quarter = quarter_of(day)
        person.quarter(quarter).hours += hours
        person.waiting.append((quarter, hours))
        person.settle(self.today, self.last_closed)

    @precondition(lambda self: self.rows)
    @rule(which=st.integers(0, 1000), hours=st.sampled_from([0, 1, 40, 96]))
    def correct(self, which: int, hours: int) -> None:
        row = self.rows.pop(which % len(self.rows))
        person, day = row["person"], row["day"]
        total = self.days[person.number, day] - row["hours"] + hours
        full = hours > row["hours"] and total > 96
        try:
            made = self.database.run(
                lambda db: hour_actions.correct_hour(
                    db, self.organisations[row["organisation"]], row["id"], Decimal(hours) / 4, "verkeerd", "org"
                )
            )
        except HourRefused as refusal:
            assert full, refusal.message
            self.rows.append(row)
            return
        assert not full
        self._count(person, day, hours - row["hours"])
        self.rows.append({**row, "id": made.id, "hours": hours})

    @rule()
    def close_the_oldest_quarter(self) -> None:
        first = min(person.start for person in self.people.values())
        quarter = after(self.last_closed) if self.last_closed else first
        if quarter >= quarter_of(self.today):
            return
        note(f"close {quarter}")
        close(self.database, self.ledger, quarter)
        for person in self.people.values():
            person.close(quarter, self.today, self.last_closed)
        self.last_closed = quarter
        self.settle()

    @rule(quarters=st.integers(1, 4))
    def quiet_quarters_pass(self, quarters: int) -> None:
        for _ in range(quarters):
            self.a_quarter_begins()
            self.close_the_oldest_quarter()

    @precondition(lambda self: any(person.stopped for person in self.people.values()))
    @rule()
    def restart(self) -> None:
        person = next(person for person in self.people.values() if person.stopped)
        self.database.run(lambda db: enrolment.restart(db, person.number, "an"))
        person.restart(self.today)
        self.settle()

    @invariant()
    def everything_is_as_the_rules_say(self) -> None:
        run_jobs(self.database, self.ledger)
        with self.database.transaction() as db:
            rows = db.execute(text("SELECT * FROM burgerbudget.participant")).all()
            quarters = db.execute(text("SELECT * FROM burgerbudget.participant_quarter")).all()
        assert {row.number for row in rows} == set(self.people)
        for row in rows:
            person = self.people[row.number]
            found = (row.status, row.insufficient_quarters, row.granted - row.used, row.used)
            assert found == ("stopped" if person.stopped else "active", person.counter, person.budget, person.free)
            assert self.ledger.purses.get(f"holder:{row.holder_id}:burgerbudget", 0) == person.budget
            assert self.ledger.purses.get(f"holder:{row.holder_id}:vrij", 0) == person.free
            assert {
                one.quarter: (one.hours, one.mark, one.used, one.topped_up, one.judgement)
                for one in quarters
                if one.participant_number == row.number
            } == {
                name: (one.hours, one.mark, one.used, one.topped_up, one.judgement)
                for name, one in person.quarters.items()
            }


def test_events_in_any_order_come_out_as_the_rules_say(server: TestServer, today: Callable[[str], None]) -> None:
    Events.server = server
    Events.set_today = staticmethod(today)
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Events,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_a_town_is_what_the_pencil_says_it_is() -> None:
    """The worked table of the rules at one wage, so that the pencil itself is right: 14.06, 40 h and 20 h."""
    person = PlainPerson("1", "2025-Q1")
    person.settle(date(2025, 1, 1), None)
    for quarter, hours in (("2025-Q1", 160), ("2025-Q2", 80)):
        person.quarter(quarter).hours += hours
        person.waiting.append((quarter, hours))
        last_closed = "2025-Q1" if quarter == "2025-Q2" else None
        person.settle(date(2025, 6, 1), last_closed)
        person.close(quarter, date(2025, 7, 1), last_closed)
    assert (person.budget, person.free, person.counter) == (100_000 - 28120, 56240 + 28120, 1)
    assert person.quarters["2025-Q1"].topped_up == 56240
