"""Whatever hours come in, in time or late: each judgement and each stop is told exactly once (BB-4)."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from foundation.periods import Quarter
from tests.support.builders.burgerbudget import LedgerOnPaper, a_participant, an_organisation, close, hours_worked
from tests.support.databases import TestServer

FIRST = Quarter(2025, 3)
QUARTERS = [FIRST, FIRST.next(), FIRST.next().next(), Quarter(2026, 2), Quarter(2026, 3)]
in_time = st.lists(st.sampled_from([0, 0, 0, 20, 36]), min_size=len(QUARTERS), max_size=len(QUARTERS))
late = st.lists(st.tuples(st.integers(0, len(QUARTERS) - 1), st.integers(0, 3), st.sampled_from([16, 36])), max_size=3)
lives = st.tuples(in_time, late)

# A quarter's judgement as it stands, and what the decisions say about it.
JUDGED = """
    SELECT count(*) FILTER (WHERE judgement <> 'open') AS judged,
           count(*) FILTER (WHERE judgement = 'sufficient') AS sufficient
    FROM burgerbudget.participant_quarter
"""
DECIDED = """
    SELECT count(*) FILTER (WHERE d.kind = 'top-up') AS sufficient,
           count(*) FILTER (WHERE d.kind = 'insufficient') AS insufficient,
           count(DISTINCT (d.participant_number, d.quarter)) FILTER (WHERE d.kind IN ('top-up', 'insufficient')) AS judged,
           count(*) FILTER (WHERE d.kind = 'stop') AS stops,
           count(*) FILTER (WHERE d.kind = 'reopening') AS reopenings,
           count(*) FILTER (WHERE d.kind <> 'use') AS told,
           count(n.decision_id) AS notices,
           count(n.decision_id) FILTER (WHERE d.kind = 'use') AS uses_told
    FROM burgerbudget.decision d LEFT JOIN burgerbudget.notice n ON n.decision_id = d.id
"""


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(people=st.lists(lives, min_size=1, max_size=3))
# Stopped and reopened; stopped, reopened and stopped again; sufficient late.
@example(people=[([0] * 5, [(3, 0, 36)]), ([0] * 5, [(3, 3, 36)]), ([20, 36, 0, 0, 0], [(1, 1, 16)])])
def test_bb4_each_judgement_and_each_stop_has_exactly_one_notice(
    server: TestServer, today: Callable[[str], None], people: list[tuple[list[int], list[tuple[int, int, int]]]]
) -> None:
    with server.fresh("burgerbudget") as made:
        database, ledger = made.database, LedgerOnPaper()
        today(str(FIRST.start))
        organisation = an_organisation(database)
        numbers = [a_participant(database, str(FIRST.start)) for _ in people]

        def report(number: str, quarter: Quarter, hours: int, first_day: int) -> None:
            days = [f"{quarter.start:%Y-%m}-{day:02d}" for day in (first_day, first_day + 1)]
            for day, part in zip(days, (min(hours, 20), hours - 20), strict=True):
                if part > 0:
                    hours_worked(database, organisation, number, str(part), day)

        def takes_hours(number: str, quarter: Quarter) -> bool:
            """Tell whether a participation had not stopped before this quarter."""
            with database.transaction() as db:
                stopped = db.execute(
                    text("SELECT max(stopped_after) FROM burgerbudget.participation_gap WHERE participant_number = :n"),
                    {"n": number},
                ).scalar_one()
            return stopped is None or str(quarter) <= stopped

        for index, quarter in enumerate(QUARTERS):
            today(str(quarter.end))
            for number, (hours, _) in zip(numbers, people, strict=True):
                if takes_hours(number, quarter):
                    report(number, quarter, hours[index], 1)
            today(str(quarter.next().start))
            close(database, ledger, str(quarter))
            for number, (_, rows) in zip(numbers, people, strict=True):
                for place, (late_for, back, hours_late) in enumerate(rows):
                    if late_for == index and index - back >= 0 and takes_hours(number, QUARTERS[index - back]):
                        report(number, QUARTERS[index - back], hours_late, 3 + 2 * place)
        close(database, ledger, str(QUARTERS[-1]))
        with database.transaction() as db:
            judged, decided = db.execute(text(JUDGED)).one(), db.execute(text(DECIDED)).one()
            stopped_now = db.execute(
                text("SELECT count(*) FROM burgerbudget.participant WHERE status = 'stopped'")
            ).scalar_one()
            open_gaps = db.execute(
                text("SELECT count(*) FROM burgerbudget.participation_gap WHERE restarted_from IS NULL")
            ).scalar_one()
            stops_counted = db.execute(text("SELECT coalesce(sum(stopped), 0) FROM burgerbudget.closing")).scalar_one()
        assert decided.judged == judged.judged
        assert decided.sufficient == judged.sufficient
        assert decided.stops == stops_counted
        assert decided.stops - decided.reopenings == stopped_now == open_gaps
        assert decided.notices == decided.told
        assert decided.uses_told == 0
