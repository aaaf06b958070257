"""Opening hours of the places with a telephone."""

from __future__ import annotations

from datetime import time

from belkosten.rules.openings import Opening, overlapping


def at(weekday: int, opens: str, closes: str) -> Opening:
    return Opening(weekday, time.fromisoformat(opens), time.fromisoformat(closes))


def test_hours_that_meet_do_not_overlap_and_those_of_another_day_never_do() -> None:
    assert overlapping([at(1, "12:00", "17:00"), at(1, "09:00", "12:00"), at(2, "09:00", "17:00")]) is None


def test_hours_that_begin_before_the_ones_before_have_ended_overlap() -> None:
    later = at(1, "11:59", "17:00")
    assert overlapping([later, at(1, "09:00", "12:00")]) == later
