"""Work for people: written down when something needs a person, and done by one."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller, Role
from foundation.clock import business_date, now
from sociaal_krediet.models import Loan, Task
from sociaal_krediet.queries import tasks
from sociaal_krediet.queries.tasks import NewTask
from sociaal_krediet.refusals import AlreadyDecided, UnknownTask

ROLES = {
    "arrearsHelper": "helper",
    "arrearsOfficer": "caseworker",
    "disbursementReturned": "caseworker",
    "bounceAboveReceipt": "finance-maker",
    "refundFailed": "finance-maker",
}
"""Whose work each kind of task is."""


def add(db: Session, loan: Loan, kind: str, about: str, details: str) -> None:
    """Give somebody work on a loan, once for each thing that it is about; a helper's is for the loan's own helper."""
    role = ROLES[kind]
    subject = loan.helper if role == "helper" else None
    tasks.insert(db, NewTask(loan.application_id, loan.id, kind, role, subject, about, business_date(), details))


def add_for_application(db: Session, application_id: UUID, kind: str, about: str, details: str) -> None:
    """Give somebody work on what an application led to, be it a loan or a gift."""
    tasks.insert(db, NewTask(application_id, None, kind, ROLES[kind], None, about, business_date(), details))


def complete(db: Session, task_id: UUID | None, outcome: str, caller: Caller) -> Task:
    """Write down what was done. Raises `UnknownTask`, `AlreadyDecided`."""
    task = tasks.find(db, task_id)
    if task is None or not caller.has(Role(task.role)) or task.subject not in (None, caller.subject):
        raise UnknownTask
    if task.state == "done":
        raise AlreadyDecided("Deze taak is al gedaan.")
    task.state, task.outcome, task.done_by = "done", outcome, caller.subject
    task.done_on, task.done_at = business_date(), now()
    db.flush()
    return task
