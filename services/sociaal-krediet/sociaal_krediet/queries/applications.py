"""Applications with their creditors, documents and decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session, col, select

from sociaal_krediet.models import Application, Creditor, Decision, Document, Gift, Loan


@dataclass(frozen=True, slots=True)
class Sought:
    """Which applications a list is of; None is all."""

    applied_by: str | None = None
    state: str | None = None
    holder_id: str | None = None


def find(db: Session, application_id: UUID | None, *, lock: bool = False) -> Application | None:
    """Give an application; with `lock` nobody else decides on it meanwhile."""
    if application_id is None:
        return None
    return db.get(Application, application_id, with_for_update=lock or None, populate_existing=lock)


def page(db: Session, sought: Sought, before: int | None, limit: int) -> Sequence[Application]:
    """Give applications, newest first."""
    statement = select(Application).order_by(col(Application.number).desc()).limit(limit)
    if sought.applied_by is not None:
        statement = statement.where(Application.applied_by == sought.applied_by)
    if sought.state is not None:
        statement = statement.where(Application.state == sought.state)
    if sought.holder_id is not None:
        statement = statement.where(Application.holder_id == sought.holder_id)
    if before is not None:
        statement = statement.where(col(Application.number) < before)
    return db.exec(statement).all()


def creditors(db: Session, application_id: UUID) -> Sequence[Creditor]:
    """Give the lines to be paid, in their order."""
    statement = select(Creditor).where(Creditor.application_id == application_id).order_by(col(Creditor.number))
    return db.exec(statement).all()


def creditor_of_payee(db: Session, payee_id: UUID) -> Creditor | None:
    """Lock the line of a payee and give it."""
    return db.exec(select(Creditor).where(Creditor.payee_id == payee_id).with_for_update()).first()


def documents(db: Session, application_id: UUID) -> Sequence[Document]:
    """Give the documents that an application refers to."""
    return db.exec(
        select(Document).where(Document.application_id == application_id).order_by(col(Document.number))
    ).all()


def decision_of(db: Session, application_id: UUID) -> Decision | None:
    """Give the decision on an application, where there is one."""
    return db.exec(select(Decision).where(Decision.application_id == application_id)).first()


def loan_of(db: Session, application_id: UUID) -> Loan | None:
    """Give the loan that an application led to, where there is one."""
    return db.exec(select(Loan).where(Loan.application_id == application_id)).first()


def gift_of(db: Session, application_id: UUID) -> Gift | None:
    """Give the gift that an application led to, where there is one."""
    return db.exec(select(Gift).where(Gift.application_id == application_id)).first()
