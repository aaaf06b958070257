"""What is done about an instalment that is late: a message, then work for people, never a cost (SK-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from foundation.money import Cents
from sociaal_krediet.rules.loans import LoanState

StepKind = Literal["message", "helper-task", "officer-task"]
Bucket = Literal["1-14", "15-30", "31-60", "61-90", ">90"]


@dataclass(frozen=True, slots=True)
class ArrearsPolicy:
    """After how many days late each step is due."""

    message_after: int
    helper_task_after: int
    officer_task_after: int


@dataclass(frozen=True, slots=True)
class ArrearsStep:
    """One step about an instalment; its kind and due date together name it, so that it is taken once."""

    kind: StepKind
    due_on: date
    days_late: int


def days_late(state: LoanState, today: date) -> int:
    """Give how long the oldest open instalment is late; 0 when none is."""
    late = [(today - instalment.due_on).days for instalment in state.open_instalments]
    return max([0, *late])


def overdue(state: LoanState, today: date) -> Cents:
    """Give how much should have been paid before today and was not."""
    return Cents(sum(instalment.open for instalment in state.open_instalments if instalment.due_on < today))


def steps_due(state: LoanState, today: date, policy: ArrearsPolicy) -> tuple[ArrearsStep, ...]:
    """Give every step that is due by today, taken or not, about the oldest open instalment.

    Later instalments wait their turn: one message about arrears, not one for each month of them.
    """
    late = days_late(state, today)
    after: tuple[tuple[StepKind, int], ...] = (
        ("message", policy.message_after),
        ("helper-task", policy.helper_task_after),
        ("officer-task", policy.officer_task_after),
    )
    return tuple(
        ArrearsStep(kind, state.open_instalments[0].due_on, late) for kind, days in after if late and late >= days
    )


def bucket(days: int) -> Bucket | None:
    """Give the age class of arrears in the figures; nothing when nothing is late."""
    if days < 1:
        return None
    classes: tuple[tuple[int, Bucket], ...] = ((14, "1-14"), (30, "15-30"), (60, "31-60"), (90, "61-90"))
    return next((name for most, name in classes if days <= most), ">90")
