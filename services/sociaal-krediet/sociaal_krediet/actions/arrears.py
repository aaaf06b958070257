"""Arrears: a friendly message first, then work for people, never a cost (SK-10)."""

from __future__ import annotations

from sqlmodel import Session

from foundation.clock import business_date
from foundation.dutch import day_in_words
from foundation.money import euros
from sociaal_krediet.actions import keeping, notices, tasks
from sociaal_krediet.models import Loan
from sociaal_krediet.parameters import policy_on
from sociaal_krediet.queries import loans
from sociaal_krediet.rules.arrears import ArrearsStep, overdue, steps_due

CHUNK = 500


def take_steps(db: Session, after: int) -> int | None:
    """Take the steps that are due on the next loans that are late, by number; gives the last number, None at the end."""
    today = business_date()
    policy = policy_on(today).arrears
    late = loans.late(db, today, policy.message_after, after, CHUNK)
    for loan in late:
        state = keeping.state_of(db, loan)
        for step in steps_due(state, today, policy):
            _take(db, loan, step, euros(overdue(state, today)))
    return late[-1].number if late else None


def _take(db: Session, loan: Loan, step: ArrearsStep, total: str) -> None:
    about, since = str(step.due_on), day_in_words(step.due_on)
    match step.kind:
        case "message":
            notices.tell(db, loan.holder_id, "arrears", f"{loan.id}/{about}", loan=loan)
        case "helper-task":
            text = (
                f"De termijn van {since} is {step.days_late} dagen te laat; in totaal is € {total} te laat."
                " Neem contact op met de lener en kijk samen wat er nodig is."
            )
            tasks.add(db, loan, "arrearsHelper", about, text)
        case "officer-task":
            text = (
                f"De termijn van {since} is {step.days_late} dagen te laat; in totaal is € {total} te laat."
                " Stel een pauze, een lagere termijn of kwijtschelding voor."
            )
            tasks.add(db, loan, "arrearsOfficer", about, text)
