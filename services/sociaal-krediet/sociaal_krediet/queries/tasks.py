"""Work for people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import or_, text
from sqlmodel import Session, col, select

from foundation.clock import now
from foundation.identifiers import new_id
from sociaal_krediet.models import Task


@dataclass(frozen=True, slots=True)
class NewTask:
    """Work for whoever has a role; with `subject` for that person."""

    application_id: UUID
    loan_id: UUID | None
    kind: str
    role: str
    subject: str | None
    about: str
    due_on: date
    details: str


def insert(db: Session, task: NewTask) -> None:
    """Write a task down, once for each thing that it is about."""
    db.execute(
        text(
            "INSERT INTO sociaal_krediet.task"
            " (id, application_id, loan_id, kind, role, subject, about, due_on, details, state, made_at) VALUES"
            " (:id, :application, :loan, :kind, :role, :subject, :about, :due_on, :details, 'open', :now)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "id": new_id(),
            "application": task.application_id,
            "loan": task.loan_id,
            "kind": task.kind,
            "role": task.role,
            "subject": task.subject,
            "about": task.about,
            "due_on": task.due_on,
            "details": task.details,
            "now": now(),
        },
    )


def page(
    db: Session, roles: Collection[str], subject: str, state: str, before: UUID | None, limit: int
) -> Sequence[Task]:
    """Give the tasks for these roles that are for anybody or for this person, newest first."""
    statement = (
        select(Task)
        .where(col(Task.role).in_(roles), Task.state == state)
        .where(or_(col(Task.subject).is_(None), col(Task.subject) == subject))
        .order_by(col(Task.id).desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(col(Task.id) < before)
    return db.exec(statement).all()


def find(db: Session, task_id: UUID | None) -> Task | None:
    """Lock a task and give it."""
    return None if task_id is None else db.get(Task, task_id, with_for_update=True, populate_existing=True)
