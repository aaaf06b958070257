"""What holds for every participant, whatever hours come in (BB-3 to BB-9)."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from burgerbudget.parameters import policy_on
from burgerbudget.rules import (
    Improvement,
    JudgedQuarter,
    Participation,
    Sufficient,
    after_judgement,
    insufficient_in_a_row,
    judge_quarter,
    rejudge,
    start_quarter,
    use,
    worth,
)
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter

POLICY = policy_on(date(2026, 7, 1))
FIRST = Quarter(2024, 1)
hours = st.integers(min_value=0, max_value=400).map(Hours)
parts = st.lists(st.integers(min_value=1, max_value=96), max_size=40)
wages = st.integers(min_value=1000, max_value=2500).map(Cents)
budgets = st.integers(min_value=0, max_value=100_000).map(Cents)
histories = st.lists(st.booleans(), min_size=1, max_size=12)


def judged(history: list[bool]) -> list[JudgedQuarter]:
    quarter, run = FIRST, []
    for sufficient in history:
        run.append(JudgedQuarter(quarter, sufficient))
        quarter = quarter.next()
    return run


@given(hours, wages)
def test_worth_is_the_exact_product_rounded_half_up(total: Hours, wage: Cents) -> None:
    exact = Decimal(total) / 4 * wage
    assert worth(total, wage) == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(parts, wages)
def test_bb3_the_parts_of_a_quarter_add_up_to_the_rounded_total_while_the_budget_suffices(
    rows: list[int], wage: Cents
) -> None:
    mark, total, moved = Hours(0), Hours(0), 0
    for row in rows:
        total = Hours(total + row)
        step = use(mark, total, wage, Cents(10**9))
        mark, moved = step.new_mark, moved + step.moved
    assert mark == total
    assert moved == worth(total, wage)


@given(parts, wages, budgets)
def test_bb3_one_import_of_many_rows_moves_what_the_rows_one_by_one_move(
    rows: list[int], wage: Cents, budget: Cents
) -> None:
    mark, total, left = Hours(0), Hours(0), budget
    for row in rows:
        total = Hours(total + row)
        step = use(mark, total, wage, left)
        mark, left = step.new_mark, Cents(left - step.moved)
    assert budget - left == use(Hours(0), total, wage, budget).moved


@given(st.lists(st.integers(min_value=0, max_value=300).map(Hours), max_size=40), wages, budgets)
def test_bb8_totals_that_go_up_and_down_move_no_more_than_their_highest(
    totals: list[Hours], wage: Cents, budget: Cents
) -> None:
    mark, left, moved = Hours(0), budget, 0
    for total in totals:
        step = use(mark, total, wage, left)
        assert 0 <= step.moved <= left and step.new_mark >= mark
        mark, left, moved = step.new_mark, Cents(left - step.moved), moved + step.moved
    assert moved == min(budget, worth(max(totals, default=Hours(0)), wage))


@given(st.lists(hours, max_size=20), wages)
def test_over_any_quarters_no_cent_is_lost_and_the_budget_stays_between_zero_and_the_ceiling(
    quarters: list[Hours], wage: Cents
) -> None:
    budget, vrij, credited, counter = POLICY.ceiling, 0, int(POLICY.ceiling), 0
    for total in quarters:
        moved = use(Hours(0), total, wage, budget).moved
        budget, vrij = Cents(budget - moved), vrij + moved
        judgement = judge_quarter(total, budget, POLICY)
        if isinstance(judgement, Sufficient):
            budget = Cents(budget + judgement.top_up)
            credited += judgement.top_up
            assert budget == POLICY.ceiling
        standing = after_judgement(counter, judgement, POLICY)
        counter = standing.insufficient_quarters
        assert 0 <= budget <= POLICY.ceiling
        assert vrij + budget == credited
        if standing.stops:
            break
    assert counter <= POLICY.stop_after


@given(histories)
def test_bb6_counting_step_by_step_equals_counting_the_run_at_the_end(history: list[bool]) -> None:
    counter = 0
    for sufficient in history:
        total = POLICY.threshold if sufficient else Hours(POLICY.threshold - 1)
        counter = after_judgement(counter, judge_quarter(total, Cents(0), POLICY), POLICY).insufficient_quarters
    assert insufficient_in_a_row(judged(history), FIRST) == counter


@given(histories, st.data(), hours, budgets)
def test_bb9_judging_again_only_ever_improves(
    history: list[bool], data: st.DataObject, total: Hours, budget: Cents
) -> None:
    run = judged(history)
    late = data.draw(st.sampled_from(run))
    participation = Participation("1", FIRST)
    before = insufficient_in_a_row(run, FIRST)
    if before >= POLICY.stop_after:
        participation = participation.stop(run[-1].quarter)
    improved = rejudge(late.quarter, total, budget, run, participation, POLICY)
    assert (improved is not None) == (not late.sufficient and total >= POLICY.threshold)
    if improved is not None:
        assert 0 <= improved.top_up == POLICY.ceiling - budget
        assert improved.insufficient_quarters <= before
        assert improved.reopens == (participation.stopped and improved.insufficient_quarters < POLICY.stop_after)


@given(st.lists(st.tuples(st.integers(0, 3), hours), max_size=12))
def test_bb9_late_hours_in_any_order_end_in_the_same_judgements(late: list[tuple[int, Hours]]) -> None:
    def outcome(order: list[tuple[int, Hours]]) -> tuple[list[bool], int]:
        history, totals = [False] * 4, [Hours(0)] * 4
        for index, more in order:
            totals[index] = Hours(totals[index] + more)
            run = judged(history)
            improved = rejudge(run[index].quarter, totals[index], Cents(0), run, Participation("1", FIRST), POLICY)
            if isinstance(improved, Improvement):
                history[index] = True
        return history, insufficient_in_a_row(judged(history), FIRST)

    assert outcome(late) == outcome(list(reversed(late)))


@given(st.dates(date(2023, 7, 1), date(2040, 12, 31)))
def test_bb1_a_start_quarter_never_lies_more_than_a_quarter_away(enrolled_on: date) -> None:
    start = start_quarter(enrolled_on, 7)
    assert start in (Quarter.of(enrolled_on), Quarter.of(enrolled_on).next())
    assert (start == Quarter.of(enrolled_on)) == ((enrolled_on - Quarter.of(enrolled_on).start).days <= 6)
