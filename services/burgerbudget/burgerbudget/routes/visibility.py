"""Who may see which participant."""

from __future__ import annotations

from sqlmodel import Session

from burgerbudget.models import Participant
from burgerbudget.queries import participants
from burgerbudget.refusals import UnknownParticipant
from foundation.access import Caller, Role


def may_see_participant(caller: Caller, row: Participant) -> bool:
    """Tell whether this participant is the caller's own, or the caller sees everybody's."""
    return caller.has(Role.CASEWORKER, Role.AUDITOR) or (
        caller.has(Role.PASS_HOLDER) and row.holder_id == caller.holder_id
    )


def visible_participant(db: Session, caller: Caller, number: str) -> Participant:
    """Give a participant that the caller may see; somebody else's is as unknown as one that is not there."""
    row = participants.find(db, number)
    if row is None or not may_see_participant(caller, row):
        raise UnknownParticipant(f"Deelnemer {number} is niet bekend.")
    return row
