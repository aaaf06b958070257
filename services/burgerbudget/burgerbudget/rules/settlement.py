"""What is due to one participant now: the start, the uses in order of receipt, and the judgement of a close.

The one place where the rules are put one after the other; everything that decides about money calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from burgerbudget.parameters import policy_on
from burgerbudget.rules.participation import Participation, start_is_due
from burgerbudget.rules.quarters import (
    JudgedQuarter,
    Sufficient,
    after_judgement,
    judge_quarter,
    rejudge,
)
from burgerbudget.rules.uses import use, use_is_due
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter

OPEN = "open"
SUFFICIENT = "sufficient"
INSUFFICIENT = "insufficient"


@dataclass(slots=True)
class QuarterState:
    """One quarter of one participant: accepted hours, the mark up to which they were used, and what followed."""

    hours: Hours = Hours(0)
    mark: Hours = Hours(0)
    used: Cents = Cents(0)
    topped_up: Cents = Cents(0)
    judgement: str = OPEN


@dataclass(slots=True)
class ParticipantState:
    """A working copy of one participant; `settle` changes it, whoever called writes it down.

    `granted` is everything ever credited to the budget, `used` everything that moved on to `vrij`.
    """

    participation: Participation
    started: bool
    granted: Cents
    used: Cents
    insufficient_quarters: int
    quarters: dict[Quarter, QuarterState] = field(default_factory=dict)

    @property
    def budget(self) -> Cents:
        return Cents(self.granted - self.used)

    def quarter(self, quarter: Quarter) -> QuarterState:
        return self.quarters.setdefault(quarter, QuarterState())

    def judged(self) -> list[JudgedQuarter]:
        return [JudgedQuarter(q, s.judgement == SUFFICIENT) for q, s in self.quarters.items() if s.judgement != OPEN]


@dataclass(frozen=True, slots=True)
class WaitingUse:
    """Accepted hours on which no use was decided yet: all of one import, or one row; corrections may be below 0."""

    sequence: int
    quarter: Quarter
    source_kind: str
    source_id: UUID
    hours: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision with what it was based on: the quarter's hours, the wage, and the budget before it."""

    kind: str
    quarter: Quarter
    amount: Cents
    hours: Hours
    wage: Cents | None
    budget_before: Cents
    source_kind: str | None = None
    source_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided, in order, and which waiting rows are done with."""

    decisions: list[Decision]
    consumed: list[int]


def settle(
    state: ParticipantState,
    waiting: Iterable[WaitingUse],
    last_closed: Quarter | None,
    today: date,
    closing: Quarter | None = None,
) -> Settled:
    """Decide everything that is due (BB-1, BB-3, BB-9), and judge the quarter that is being closed (BB-4 to BB-6)."""
    decisions: list[Decision] = []
    consumed: list[int] = []
    _start(state, today, decisions)
    rows = sorted(waiting, key=lambda row: row.sequence)
    counted = _counted_before(state, rows)
    for row in rows:
        if (closing is not None and row.quarter > closing) or not use_is_due(
            state.participation, row.quarter, last_closed
        ):
            continue
        consumed.append(row.sequence)
        counted[row.quarter] = Hours(counted[row.quarter] + row.hours)
        _use(state, row, counted[row.quarter], decisions)
        if last_closed is not None and row.quarter <= last_closed:
            _improve(state, row.quarter, counted[row.quarter], decisions)
    if closing is not None and state.participation.takes_part_in(closing):
        _judge(state, closing, decisions)
    return Settled(decisions, consumed)


def _start(state: ParticipantState, today: date, decisions: list[Decision]) -> None:
    start = state.participation.start
    if not start_is_due(start, today, state.started):
        return
    amount = policy_on(start.start).ceiling
    decisions.append(Decision("start", start, amount, Hours(0), None, state.budget))
    state.started = True
    state.granted = Cents(state.granted + amount)


def _counted_before(state: ParticipantState, rows: Sequence[WaitingUse]) -> dict[Quarter, Hours]:
    """Give each quarter's running total without the rows that still wait."""
    counted = {row.quarter: state.quarter(row.quarter).hours for row in rows}
    for row in rows:
        counted[row.quarter] = Hours(counted[row.quarter] - row.hours)
    return counted


def _use(state: ParticipantState, row: WaitingUse, total: Hours, decisions: list[Decision]) -> None:
    quarter = state.quarter(row.quarter)
    wage = policy_on(row.quarter.start).wage
    moved = use(quarter.mark, total, wage, state.budget)
    decisions.append(
        Decision("use", row.quarter, moved.moved, total, wage, state.budget, row.source_kind, row.source_id)
    )
    quarter.mark = moved.new_mark
    quarter.used = Cents(quarter.used + moved.moved)
    state.used = Cents(state.used + moved.moved)


def _improve(state: ParticipantState, late: Quarter, hours: Hours, decisions: list[Decision]) -> None:
    improvement = rejudge(late, hours, state.budget, state.judged(), state.participation, policy_on(late.start))
    if improvement is None:
        return
    decisions.append(Decision("top-up", late, improvement.top_up, hours, None, state.budget))
    quarter = state.quarter(late)
    quarter.judgement = SUFFICIENT
    quarter.topped_up = improvement.top_up
    state.granted = Cents(state.granted + improvement.top_up)
    state.insufficient_quarters = improvement.insufficient_quarters
    if improvement.reopens:
        decisions.append(Decision("reopening", late, Cents(0), hours, None, state.budget))
        state.participation = state.participation.reopen()


def _judge(state: ParticipantState, closing: Quarter, decisions: list[Decision]) -> None:
    policy = policy_on(closing.start)
    quarter = state.quarter(closing)
    assert quarter.judgement == OPEN, "a quarter is judged once, at its close"
    judgement = judge_quarter(quarter.hours, state.budget, policy)
    standing = after_judgement(state.insufficient_quarters, judgement, policy)
    if isinstance(judgement, Sufficient):
        decisions.append(Decision("top-up", closing, judgement.top_up, quarter.hours, None, state.budget))
        quarter.judgement = SUFFICIENT
        quarter.topped_up = judgement.top_up
        state.granted = Cents(state.granted + judgement.top_up)
    else:
        decisions.append(Decision("insufficient", closing, Cents(0), quarter.hours, None, state.budget))
        quarter.judgement = INSUFFICIENT
    state.insufficient_quarters = standing.insufficient_quarters
    if standing.stops:
        decisions.append(Decision("stop", closing, Cents(0), quarter.hours, None, state.budget))
        state.participation = state.participation.stop(closing)
