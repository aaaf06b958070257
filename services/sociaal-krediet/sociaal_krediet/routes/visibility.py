"""Who may see which application, loan and gift; what is not theirs is as unknown as what is not there (SK-6)."""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from foundation.access import Caller, Role
from foundation.identifiers import identifier
from sociaal_krediet.models import Application, Gift, Loan
from sociaal_krediet.queries import applications, loans
from sociaal_krediet.refusals import UnknownApplication, UnknownGift, UnknownLoan

SEES_ALL = (Role.CASEWORKER, Role.AUDITOR, Role.FINANCE_MAKER, Role.FINANCE_CHECKER)


def may_see(caller: Caller, holder_id: str, helper: str) -> bool:
    """Tell whether something is the caller's own, is about somebody they help, or they see everybody's."""
    return (
        caller.has(*SEES_ALL)
        or (caller.has(Role.PASS_HOLDER) and caller.holder_id == holder_id)
        or (caller.has(Role.HELPER) and caller.subject == helper)
    )


def visible_application(db: Session, caller: Caller, application_id: str) -> Application:
    """Give an application that the caller may see. Raises `UnknownApplication`."""
    found = applications.find(db, identifier(application_id))
    if found is None or not may_see(caller, found.holder_id, found.applied_by):
        raise UnknownApplication
    return found


def visible_loan(db: Session, caller: Caller, loan_id: str) -> Loan:
    """Give a loan that the caller may see. Raises `UnknownLoan`."""
    found = loans.find(db, identifier(loan_id))
    if found is None or not may_see(caller, found.holder_id, found.helper):
        raise UnknownLoan
    return found


def visible_gift(db: Session, caller: Caller, gift_id: str) -> Gift:
    """Give a gift that the caller may see. Raises `UnknownGift`."""
    found = loans.find_gift(db, identifier(gift_id))
    application = None if found is None else applications.find(db, found.application_id)
    if found is None or application is None or not may_see(caller, found.holder_id, application.applied_by):
        raise UnknownGift
    return found


def loan_id_of(text: str) -> UUID:
    """Read a loan's id from a path. Raises `UnknownLoan`."""
    known = identifier(text)
    if known is None:
        raise UnknownLoan
    return known
