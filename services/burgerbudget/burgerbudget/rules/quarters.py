"""What the close of a quarter means for one participant, also when hours come late (BB-4 to BB-6, BB-9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from burgerbudget.parameters import BurgerbudgetPolicy
from burgerbudget.rules.participation import Participation
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class Sufficient:
    """Enough hours: the fund tops the budget up, and the counter becomes 0 (BB-4)."""

    top_up: Cents


@dataclass(frozen=True, slots=True)
class Insufficient:
    """Too few hours: no top-up, and the counter rises by one (BB-5)."""


Judgement = Sufficient | Insufficient


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a participant stands after a judgement: insufficient quarters in a row, and does it stop."""

    insufficient_quarters: int
    stops: bool


@dataclass(frozen=True, slots=True)
class JudgedQuarter:
    """One closed quarter of a participant, as now judged."""

    quarter: Quarter
    sufficient: bool


@dataclass(frozen=True, slots=True)
class Improvement:
    """A closed quarter that late hours made sufficient: missed top-up, counter now, and a stop undone."""

    top_up: Cents
    insufficient_quarters: int
    reopens: bool


def judge_quarter(hours: Hours, budget: Cents, policy: BurgerbudgetPolicy) -> Judgement:
    """Judge one participant's closed quarter (BB-4, BB-5).

    `hours` are the confirmed hours of the quarter; `budget` is what the purse still holds after their use.
    """
    assert budget >= 0, "the budget is never negative"
    if hours < policy.threshold:
        return Insufficient()
    return Sufficient(top_up=Cents(max(policy.ceiling - budget, 0)))


def after_judgement(insufficient_quarters: int, judgement: Judgement, policy: BurgerbudgetPolicy) -> Standing:
    """Count insufficient quarters in a row and stop at the fourth (BB-4, BB-5, BB-6)."""
    if isinstance(judgement, Sufficient):
        return Standing(insufficient_quarters=0, stops=False)
    counter = insufficient_quarters + 1
    return Standing(insufficient_quarters=counter, stops=counter >= policy.stop_after)


def insufficient_in_a_row(judged: Iterable[JudgedQuarter], counts_from: Quarter) -> int:
    """Count the insufficient quarters at the end of those judged since `counts_from` (BB-7, BB-9)."""
    counter = 0
    for quarter in sorted(judged, key=lambda one: one.quarter, reverse=True):
        if quarter.sufficient or quarter.quarter < counts_from:
            break
        counter += 1
    return counter


def rejudge(
    quarter: Quarter,
    hours: Hours,
    budget: Cents,
    judged: Iterable[JudgedQuarter],
    participation: Participation,
    policy: BurgerbudgetPolicy,
) -> Improvement | None:
    """Judge a closed quarter again after late hours; `None` when nothing improves (BB-9).

    `hours` is the quarter's total now, `budget` what the purse holds after the late use, `judged` all
    judgements of the participant, `policy` that of the quarter. A judgement only ever improves: one that was
    sufficient stays so. A quarter closed while the participant was stopped has no judgement; once reopened
    it counts only when its late hours make it sufficient, since nobody could confirm hours for it in time.
    """
    history = {one.quarter: one for one in judged}
    before = history.get(quarter)
    if before is not None and before.sufficient:
        return None
    judgement = judge_quarter(hours, budget, policy)
    if isinstance(judgement, Insufficient):
        return None
    history[quarter] = JudgedQuarter(quarter, sufficient=True)
    counter = insufficient_in_a_row(history.values(), participation.counts_from)
    return Improvement(
        top_up=judgement.top_up,
        insufficient_quarters=counter,
        reopens=participation.stopped and counter < policy.stop_after,
    )
