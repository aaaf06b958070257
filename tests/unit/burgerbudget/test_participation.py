"""When somebody takes part: BB-1, BB-6, BB-7."""

from __future__ import annotations

from datetime import date

import pytest

from burgerbudget.rules import (
    Participation,
    Stop,
    may_enrol_on,
    restart_quarter,
    start_is_due,
    start_quarter,
)
from foundation.periods import Quarter

Q = Quarter.parse


@pytest.mark.parametrize(
    ("enrolled_on", "start"),
    [
        (date(2026, 7, 1), "2026-Q3"),
        (date(2026, 7, 7), "2026-Q3"),
        (date(2026, 7, 8), "2026-Q4"),
        (date(2026, 9, 30), "2026-Q4"),
        (date(2026, 10, 7), "2026-Q4"),
        (date(2026, 10, 8), "2027-Q1"),
        (date(2026, 12, 31), "2027-Q1"),
    ],
)
def test_bb1_the_first_seven_days_start_that_quarter_and_later_days_the_next(enrolled_on: date, start: str) -> None:
    assert start_quarter(enrolled_on, 7) == Q(start)


def test_bb1_the_start_is_due_once_from_the_first_day_of_the_start_quarter() -> None:
    assert not start_is_due(Q("2026-Q4"), date(2026, 9, 30), already_started=False)
    assert start_is_due(Q("2026-Q4"), date(2026, 10, 1), already_started=False)
    assert start_is_due(Q("2026-Q4"), date(2026, 11, 20), already_started=False)
    assert not start_is_due(Q("2026-Q4"), date(2026, 10, 1), already_started=True)


def test_bb1_an_enrolment_may_be_back_dated_into_the_oldest_open_quarter_and_no_further() -> None:
    assert may_enrol_on(date(2026, 4, 1), Q("2026-Q2"))
    assert not may_enrol_on(date(2026, 3, 31), Q("2026-Q2"))


def test_bb6_a_stopped_participant_takes_part_until_the_quarter_whose_close_stopped_it() -> None:
    stopped = Participation("1700001", Q("2025-Q3")).stop(Q("2026-Q2"))
    assert stopped.stopped
    assert not stopped.takes_part_in(Q("2025-Q2"))
    assert stopped.takes_part_in(Q("2025-Q3"))
    assert stopped.takes_part_in(Q("2026-Q2"))
    assert not stopped.takes_part_in(Q("2026-Q3"))
    assert not stopped.takes_part_in(Q("2030-Q1"))


@pytest.mark.parametrize(
    ("restarted_on", "quarter"),
    [
        (date(2026, 10, 7), "2026-Q4"),
        (date(2026, 10, 8), "2027-Q1"),
        (date(2026, 7, 3), "2026-Q3"),
        (date(2026, 6, 1), "2026-Q3"),
        (date(2026, 4, 2), "2026-Q3"),
    ],
)
def test_bb7_a_restart_begins_as_a_start_does_and_never_before_the_stop(restarted_on: date, quarter: str) -> None:
    assert restart_quarter(restarted_on, Q("2026-Q2"), 7) == Q(quarter)


def test_bb7_the_quarters_between_stop_and_restart_are_not_taken_part_in() -> None:
    again = Participation("1700001", Q("2025-Q3")).stop(Q("2026-Q2")).restart(Q("2027-Q1"))
    assert not again.stopped
    assert [again.takes_part_in(Q(q)) for q in ("2026-Q2", "2026-Q3", "2026-Q4", "2027-Q1")] == [
        True,
        False,
        False,
        True,
    ]
    assert again.counts_from == Q("2027-Q1")


def test_bb7_a_restart_in_the_very_next_quarter_leaves_no_gap() -> None:
    again = Participation("1700001", Q("2025-Q3")).stop(Q("2026-Q2")).restart(Q("2026-Q3"))
    assert all(again.takes_part_in(Q(q)) for q in ("2025-Q3", "2026-Q2", "2026-Q3"))


def test_bb9_a_reopened_participation_is_as_it_was_before_the_stop() -> None:
    participation = Participation("1700001", Q("2025-Q3"))
    assert participation.stop(Q("2026-Q2")).reopen() == participation


def test_two_stops_leave_two_gaps() -> None:
    twice = Participation("1", Q("2025-Q1"), (Stop(Q("2025-Q4"), Q("2026-Q2")), Stop(Q("2027-Q1"))))
    assert not twice.takes_part_in(Q("2026-Q1"))
    assert twice.takes_part_in(Q("2027-Q1"))
    assert not twice.takes_part_in(Q("2027-Q2"))
    assert twice.counts_from == Q("2026-Q2")


def test_what_has_not_stopped_cannot_restart_or_reopen_and_what_has_cannot_stop_again() -> None:
    active = Participation("1700001", Q("2025-Q3"))
    with pytest.raises(ValueError, match="has not stopped"):
        active.restart(Q("2026-Q3"))
    with pytest.raises(ValueError, match="has not stopped"):
        active.reopen()
    with pytest.raises(ValueError, match="has stopped already"):
        active.stop(Q("2026-Q2")).stop(Q("2026-Q3"))
    with pytest.raises(ValueError, match="stopped at the close of 2026-Q2"):
        active.stop(Q("2026-Q2")).restart(Q("2026-Q2"))
