"""Who may see which participant; who is not theirs is as unknown as who is not there."""

from __future__ import annotations

from typing import Annotated

from sqlmodel import Session

from belkosten.models import Participant
from belkosten.queries import participants
from belkosten.refusals import UnknownParticipant
from foundation.access import Caller, Role, require

SEES_ALL = (Role.CASEWORKER, Role.AUDITOR)

Anyone = Annotated[Caller, require(*(frozenset(Role) - {Role.SERVICE}))]
"""Everybody who is signed in; a service speaks for nobody here."""


def visible_participant(db: Session, caller: Caller, number: str, *, lock: bool = False) -> Participant:
    """Give a participant whom the caller may see. Raises `UnknownParticipant`."""
    found = participants.find(db, number, lock=lock)
    if found is None or not (
        caller.has(*SEES_ALL)
        or (caller.has(Role.PASS_HOLDER) and caller.holder_id == found.holder_id)
        or (caller.has(Role.HELPER) and participants.is_helped_by(db, number, caller.subject))
    ):
        raise UnknownParticipant
    return found
