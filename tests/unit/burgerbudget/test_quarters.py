"""Use, judgement, counter, stop and late hours, to the cent: BB-3 to BB-6, BB-8, BB-9."""

from __future__ import annotations

from datetime import date

import pytest

from burgerbudget.parameters import policy_on
from burgerbudget.rules import (
    Improvement,
    Insufficient,
    JudgedQuarter,
    Participation,
    Standing,
    Sufficient,
    Use,
    after_judgement,
    insufficient_in_a_row,
    judge_quarter,
    previous_quarter,
    rejudge,
    use,
    use_is_due,
    worth,
)
from foundation.hours import Hours, hours_of
from foundation.money import Cents
from foundation.periods import Quarter

Q = Quarter.parse
POLICY = policy_on(date(2023, 7, 1))
WAGE_2023 = Cents(1279)
WAGE_2026 = Cents(1499)
FULL = Cents(100_000)


def run_of(text: str, first: str = "2025-Q1") -> list[JudgedQuarter]:
    """`SII` is a sufficient quarter followed by two insufficient ones."""
    judged, quarter = [], Q(first)
    for letter in text:
        judged.append(JudgedQuarter(quarter, sufficient=letter == "S"))
        quarter = quarter.next()
    return judged


def test_bb3_bb4_bb5_the_six_worked_quarters_come_out_to_the_cent() -> None:
    budget, vrij, credited, counter = FULL, 0, int(FULL), 0
    rows = []
    for hours in ("40", "20", "40", "100", "35.75", "36"):
        moved = use(Hours(0), hours_of(hours), WAGE_2023, budget).moved
        after_use = Cents(budget - moved)
        judgement = judge_quarter(hours_of(hours), after_use, POLICY)
        top_up = judgement.top_up if isinstance(judgement, Sufficient) else Cents(0)
        counter = after_judgement(counter, judgement, POLICY).insufficient_quarters
        budget = Cents(after_use + top_up)
        vrij, credited = vrij + moved, credited + top_up
        rows.append((moved, after_use, top_up, budget, counter))
    assert rows == [
        (51160, 48840, 51160, 100000, 0),
        (25580, 74420, 0, 74420, 1),
        (51160, 23260, 76740, 100000, 0),
        (100000, 0, 100000, 100000, 0),
        (45724, 54276, 0, 54276, 1),
        (46044, 8232, 91768, 100000, 0),
    ]
    assert (credited, vrij) == (419_668, 319_668)


@pytest.mark.parametrize(
    ("hours", "wage", "cents"),
    [
        ("36", WAGE_2026, 53964),
        ("40", WAGE_2026, 59960),
        ("35.75", WAGE_2023, 45724),  # 457.2425
        ("100", WAGE_2023, 127900),
        ("0.5", WAGE_2023, 640),  # 6.395, half up
        ("0.25", WAGE_2026, 375),  # 3.7475
        ("0.5", WAGE_2026, 750),  # 7.495, half up
        ("0.75", WAGE_2026, 1124),  # 11.2425
        ("0", WAGE_2026, 0),
    ],
)
def test_bb3_hours_are_worth_their_wage_rounded_half_up(hours: str, wage: Cents, cents: int) -> None:
    assert worth(hours_of(hours), wage) == cents


def test_bb3_the_parts_of_a_quarter_add_up_to_the_rounded_whole() -> None:
    # Four times a quarter of an hour at 14.99: 3.75 + 3.75 + 3.74 + 3.75 = 14.99, not four times 3.75.
    mark, moved = Hours(0), []
    for total in (1, 2, 3, 4):
        step = use(mark, Hours(total), WAGE_2026, FULL)
        mark = step.new_mark
        moved.append(step.moved)
    assert moved == [375, 375, 374, 375]


def test_bb3_what_an_empty_budget_cuts_off_is_not_made_up_later() -> None:
    cut = use(Hours(0), hours_of("10"), WAGE_2026, Cents(10_000))
    assert cut == Use(moved=Cents(10_000), new_mark=hours_of("10"))
    later = use(cut.new_mark, hours_of("11"), WAGE_2026, FULL)
    assert later == Use(moved=Cents(1499), new_mark=hours_of("11"))


def test_bb3_hours_without_budget_move_nothing_and_raise_the_mark() -> None:
    assert use(Hours(0), hours_of("8"), WAGE_2026, Cents(0)) == Use(moved=Cents(0), new_mark=hours_of("8"))


def test_bb8_a_downward_correction_moves_nothing_and_neither_does_the_way_back_to_the_mark() -> None:
    assert use(hours_of("10"), hours_of("6"), WAGE_2026, FULL) == Use(moved=Cents(0), new_mark=hours_of("10"))
    assert use(hours_of("10"), hours_of("10"), WAGE_2026, FULL) == Use(moved=Cents(0), new_mark=hours_of("10"))
    assert use(hours_of("10"), hours_of("12"), WAGE_2026, FULL) == Use(moved=Cents(2998), new_mark=hours_of("12"))


def test_bb3_use_waits_until_the_previous_quarter_of_the_participant_is_closed() -> None:
    participation = Participation("1", Q("2026-Q2"))
    assert use_is_due(participation, Q("2026-Q2"), last_closed=None)
    assert not use_is_due(participation, Q("2026-Q3"), last_closed=None)
    assert not use_is_due(participation, Q("2026-Q3"), last_closed=Q("2026-Q1"))
    assert use_is_due(participation, Q("2026-Q3"), last_closed=Q("2026-Q2"))
    assert use_is_due(participation, Q("2026-Q2"), last_closed=Q("2026-Q3"))


def test_bb3_bb7_a_gap_is_no_previous_quarter_and_its_own_hours_are_never_used() -> None:
    again = Participation("1", Q("2025-Q1")).stop(Q("2025-Q4")).restart(Q("2026-Q3"))
    assert previous_quarter(again, Q("2026-Q3")) == Q("2025-Q4")
    assert use_is_due(again, Q("2026-Q3"), last_closed=Q("2025-Q4"))
    assert not use_is_due(again, Q("2026-Q1"), last_closed=Q("2026-Q2"))
    assert previous_quarter(again, Q("2025-Q1")) is None


def test_bb5_35_75_hours_are_insufficient_and_36_are_sufficient() -> None:
    assert judge_quarter(hours_of("35.75"), Cents(5), POLICY) == Insufficient()
    assert judge_quarter(hours_of("36.00"), Cents(5), POLICY) == Sufficient(top_up=Cents(99_995))


def test_bb4_a_full_budget_is_topped_up_with_nothing() -> None:
    assert judge_quarter(hours_of("36"), FULL, POLICY) == Sufficient(top_up=Cents(0))


def test_bb6_the_fourth_insufficient_quarter_in_a_row_stops() -> None:
    standing = Standing(0, stops=False)
    seen = []
    for _ in range(4):
        standing = after_judgement(standing.insufficient_quarters, Insufficient(), POLICY)
        seen.append((standing.insufficient_quarters, standing.stops))
    assert seen == [(1, False), (2, False), (3, False), (4, True)]
    assert after_judgement(3, Sufficient(Cents(1)), POLICY) == Standing(0, stops=False)


@pytest.mark.parametrize(("judged", "counter"), [("", 0), ("S", 0), ("I", 1), ("ISII", 2), ("IIII", 4), ("IIS", 0)])
def test_bb9_the_counter_is_the_run_of_insufficient_quarters_at_the_end(judged: str, counter: int) -> None:
    assert insufficient_in_a_row(run_of(judged), Q("2025-Q1")) == counter


def test_bb7_insufficient_quarters_before_a_restart_do_not_count() -> None:
    assert insufficient_in_a_row(run_of("IIIII"), Q("2026-Q1")) == 1


def late(quarter: str, hours: str, judged: str, budget: int = 60_000, stopped: bool = False) -> Improvement | None:
    participation = Participation("1", Q("2025-Q1"))
    if stopped:
        participation = participation.stop(Q("2025-Q4"))
    return rejudge(Q(quarter), hours_of(hours), Cents(budget), run_of(judged), participation, POLICY)


def test_bb9_late_hours_that_reach_36_post_the_missed_top_up_and_recompute_the_counter() -> None:
    assert late("2025-Q2", "36", "SII") == Improvement(Cents(40_000), insufficient_quarters=1, reopens=False)
    assert late("2025-Q3", "36", "SII") == Improvement(Cents(40_000), insufficient_quarters=0, reopens=False)


def test_bb9_late_hours_below_36_change_nothing() -> None:
    assert late("2025-Q2", "35.75", "SII") is None


def test_bb9_a_sufficient_quarter_is_never_judged_again_whatever_its_hours_become() -> None:
    assert late("2025-Q1", "80", "SII") is None
    assert late("2025-Q1", "3", "SII") is None


def test_bb9_a_budget_filled_in_the_meantime_is_topped_up_with_nothing() -> None:
    assert late("2025-Q1", "36", "IS", budget=100_000) == Improvement(Cents(0), insufficient_quarters=0, reopens=False)


@pytest.mark.parametrize(("quarter", "counter"), [("2025-Q1", 3), ("2025-Q2", 2), ("2025-Q3", 1), ("2025-Q4", 0)])
def test_bb9_any_of_the_four_quarters_made_sufficient_reopens_the_participation(quarter: str, counter: int) -> None:
    assert late(quarter, "40", "IIII", stopped=True) == Improvement(Cents(40_000), counter, reopens=True)


def test_bb9_a_quarter_before_the_four_is_topped_up_but_does_not_reopen() -> None:
    participation = Participation("1", Q("2025-Q1")).stop(Q("2026-Q2"))
    improved = rejudge(Q("2025-Q1"), hours_of("36"), Cents(1), run_of("ISIIII"), participation, POLICY)
    assert improved == Improvement(Cents(99_999), insufficient_quarters=4, reopens=False)


def test_bb9_a_quarter_before_a_restart_is_topped_up_and_leaves_the_new_counter_alone() -> None:
    again = Participation("1", Q("2025-Q1")).stop(Q("2025-Q4")).restart(Q("2026-Q1"))
    improved = rejudge(Q("2025-Q4"), hours_of("36"), Cents(0), run_of("IIIII"), again, POLICY)
    assert improved == Improvement(FULL, insufficient_quarters=1, reopens=False)


def test_bb9_a_quarter_closed_while_stopped_counts_after_reopening_only_when_it_becomes_sufficient() -> None:
    reopened = Participation("1", Q("2025-Q1"))
    judged = run_of("SIII")
    assert rejudge(Q("2026-Q1"), hours_of("20"), Cents(0), judged, reopened, POLICY) is None
    assert rejudge(Q("2026-Q1"), hours_of("36"), Cents(0), judged, reopened, POLICY) == Improvement(
        FULL, insufficient_quarters=0, reopens=False
    )
