"""What is done about an instalment that is late, and when (SK-10)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from sociaal_krediet.rules.arrears import ArrearsPolicy, ArrearsStep, bucket, days_late, overdue, steps_due
from sociaal_krediet.rules.replaying import replay
from tests.unit.sociaal_krediet.loan_facts import FIRST, HUNDRED_IN_FOUR, pause, receipt

POLICY = ArrearsPolicy(message_after=14, helper_task_after=30, officer_task_after=60)


@pytest.mark.parametrize(
    ("days", "kinds"),
    [
        (-10, []),
        (0, []),
        (13, []),
        (14, ["message"]),
        (29, ["message"]),
        (30, ["message", "helper-task"]),
        (59, ["message", "helper-task"]),
        (60, ["message", "helper-task", "officer-task"]),
        (400, ["message", "helper-task", "officer-task"]),
    ],
)
def test_sk10_a_message_after_14_days_the_helper_after_30_and_the_officer_after_60(days: int, kinds: list[str]) -> None:
    today = FIRST + timedelta(days=days)
    steps = steps_due(replay(HUNDRED_IN_FOUR, []), today, POLICY)
    assert [step.kind for step in steps] == kinds
    assert all((step.due_on, step.days_late) == (FIRST, days) for step in steps)


def test_sk10_steps_are_about_the_oldest_open_instalment_and_stop_when_it_is_paid() -> None:
    today = date(2026, 4, 1)
    unpaid = replay(HUNDRED_IN_FOUR, [])
    assert {step.due_on for step in steps_due(unpaid, today, POLICY)} == {FIRST}
    assert (days_late(unpaid, today), overdue(unpaid, today)) == (60, 7500)
    partly = replay(HUNDRED_IN_FOUR, [receipt("a", date(2026, 3, 31), 3000)])
    assert steps_due(partly, today, POLICY) == (
        ArrearsStep("message", date(2026, 2, 28), 32),
        ArrearsStep("helper-task", date(2026, 2, 28), 32),
    )
    assert overdue(partly, today) == 4500
    paid = replay(HUNDRED_IN_FOUR, [receipt("a", date(2026, 3, 31), 7500)])
    assert (steps_due(paid, today, POLICY), days_late(paid, today), overdue(paid, today)) == ((), 0, 0)


def test_sk10_an_instalment_is_not_late_on_its_own_day_nor_during_a_pause() -> None:
    state = replay(HUNDRED_IN_FOUR, [])
    assert (days_late(state, FIRST), overdue(state, FIRST)) == (0, 0)
    assert (days_late(state, date(2026, 2, 1)), overdue(state, date(2026, 2, 1))) == (1, 2500)
    paused = replay(HUNDRED_IN_FOUR, [pause(FIRST, 2, FIRST)])
    assert days_late(paused, date(2026, 3, 31)) == 0
    assert days_late(paused, date(2026, 4, 1)) == 1


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (0, None),
        (1, "1-14"),
        (14, "1-14"),
        (15, "15-30"),
        (30, "15-30"),
        (31, "31-60"),
        (60, "31-60"),
        (61, "61-90"),
        (90, "61-90"),
        (91, ">90"),
        (1000, ">90"),
    ],
)
def test_the_age_classes_of_arrears(days: int, expected: str | None) -> None:
    assert bucket(days) == expected
