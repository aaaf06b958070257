"""How much a worked hour moves from `burgerbudget` to `vrij` (BB-3, BB-8)."""

from __future__ import annotations

from dataclasses import dataclass

from burgerbudget.rules.participation import Participation
from foundation.hours import Hours
from foundation.money import Cents
from foundation.periods import Quarter


@dataclass(frozen=True, slots=True)
class Use:
    """What moves to `vrij`, and the highest running total that the quarter has now reached."""

    moved: Cents
    new_mark: Hours


def worth(hours: Hours, wage: Cents) -> Cents:
    """Give hours times wage, rounded half up to the cent: 35.75 hours at 12.79 is 457.24.

    Hours count quarter-hours, so the exact amount is a number of quarter-cents; adding two of them rounds
    half up.
    """
    assert hours >= 0 and wage > 0, "hours worked and wages are never negative"
    return Cents((hours * wage + 2) // 4)


def use(mark: Hours, total: Hours, wage: Cents, budget: Cents) -> Use:
    """Decide the use of a quarter whose running total became `total` (BB-3).

    `mark` is the highest total reached before: hours below it have been used, so a downward correction and
    what climbs back to the mark move nothing (BB-8). The mark rises by all hours, also those that an empty
    budget cut off: they are not made up later.
    """
    assert budget >= 0, "the budget is never negative"
    if total <= mark:
        return Use(moved=Cents(0), new_mark=mark)
    added = worth(total, wage) - worth(mark, wage)
    return Use(moved=Cents(min(added, budget)), new_mark=total)


def previous_quarter(participation: Participation, quarter: Quarter) -> Quarter | None:
    """Give the last quarter before this one that the participant took part in; none for the first."""
    earlier = quarter.previous()
    while earlier >= participation.start:
        if not participation.pauses_in(earlier):
            return earlier
        earlier = earlier.previous()
    return None


def use_is_due(participation: Participation, quarter: Quarter, last_closed: Quarter | None) -> bool:
    """Tell whether a quarter's use can be decided: once the participant's previous quarter is closed (BB-3).

    Until then its hours wait and are used afterwards in order of receipt. Nothing is due in a quarter that
    the participant does not take part in: hours that waited when a close stopped the participation stay
    unused.
    """
    if not participation.takes_part_in(quarter):
        return False
    previous = previous_quarter(participation, quarter)
    return previous is None or (last_closed is not None and previous <= last_closed)
