"""Registering organisations, enrolling participants, and restarting a participation."""

from __future__ import annotations

from datetime import date

from sqlmodel import Session

from burgerbudget.actions.settling import decision_row, settle_participants, write_down
from burgerbudget.models import Organisation, Participant
from burgerbudget.parameters import PARAMETERS, policy_on
from burgerbudget.queries import calendar, participants
from burgerbudget.refusals import (
    AlreadyEnrolled,
    EnrolledTooEarly,
    NotStopped,
    NumberTaken,
    RegelingNotOffered,
    UnknownParticipant,
)
from burgerbudget.rules import may_enrol_on, restart_quarter, start_quarter
from burgerbudget.rules.settlement import Decision
from foundation import clock
from foundation.clock import now
from foundation.hours import Hours
from foundation.identifiers import new_id
from foundation.money import Cents


def register_organisation(
    db: Session,
    *,
    name: str,
    rsin: str,
    status: str,
    recognised_from: date,
    recognised_until: date | None,
    pays_allowance: bool,
    actor: str,
) -> Organisation:
    """Register an organisation, in force at once (BB-2)."""
    row = Organisation(
        id=new_id(),
        name=name,
        rsin=rsin,
        status=status,
        recognised_from=recognised_from,
        recognised_until=recognised_until,
        pays_allowance=pays_allowance,
        registered_by=actor,
        registered_at=now(),
    )
    db.add(row)
    db.flush()
    return row


def enrol(
    db: Session,
    *,
    holder_id: str,
    number: str | None,
    regeling: str,
    enrolled_on: date,
    receives_bijstand: bool,
    actor: str,
) -> Participant:
    """Enrol somebody; the start amount is credited at once when its start quarter has begun (BB-1)."""
    if regeling != "burgerbudget":
        raise RegelingNotOffered(f"De regeling {regeling} wordt hier nog niet uitgevoerd; kies burgerbudget.")
    # Shared with other enrolments, not with the start of a closing: nobody slips in behind a judgement.
    state = calendar.read(db, "FOR SHARE")
    behind = state.closing or state.last_closed
    if behind is not None and not may_enrol_on(enrolled_on, behind.next()):
        raise EnrolledTooEarly(
            f"{enrolled_on} ligt in een kwartaal dat gesloten is; inschrijven kan vanaf {behind.next().start}."
        )
    policy_on(enrolled_on)  # a date past all known amounts is refused before anything is reckoned from it
    start = start_quarter(enrolled_on, PARAMETERS.start_window.on(enrolled_on))
    policy_on(start.start)
    known = participants.number_of_holder(db, holder_id)
    if known is not None:
        raise AlreadyEnrolled(f"Deze persoon doet al mee, als deelnemer {known}.")
    if number is not None and participants.find(db, number) is not None:
        raise NumberTaken(f"Deelnemernummer {number} is al in gebruik.")
    row = Participant(
        number=number or participants.next_free_number(db),
        holder_id=holder_id,
        regeling=regeling,
        enrolled_on=enrolled_on,
        start_quarter=str(start),
        receives_bijstand=receives_bijstand,
        status="active",
        insufficient_quarters=0,
        started=False,
        granted=0,
        used=0,
        enrolled_by=actor,
        enrolled_at=now(),
    )
    db.add(row)
    db.flush()
    if clock.business_date() >= start.start:
        settle_participants(db, [row.number])
    return row


def restart(db: Session, number: str, actor: str) -> Participant:
    """Restart a participation that was stopped: no start amount, balance carried over, counter 0 (BB-7)."""
    locked = participants.lock_by_number(db, [number])
    if not locked:
        raise UnknownParticipant(f"Deelnemer {number} is niet bekend.")
    participant = locked[0]
    state = participant.state
    if not state.participation.stopped:
        raise NotStopped(f"Deelnemer {number} doet nog mee; alleen een gestopte deelname kan opnieuw beginnen.")
    today = clock.business_date()
    stopped_after = state.participation.stops[-1].quarter
    from_quarter = restart_quarter(today, stopped_after, PARAMETERS.start_window.on(today))
    state.participation = state.participation.restart(from_quarter)
    state.insufficient_quarters = 0
    participants.record_restart(db, number, stopped_after, from_quarter, actor)
    participants.save(db, locked, [])
    decided = Decision("restart", from_quarter, Cents(0), Hours(0), None, state.budget)
    write_down(db, [decision_row(number, decided)], today)
    db.expire_all()
    found = participants.find(db, number)
    assert found is not None
    return found
