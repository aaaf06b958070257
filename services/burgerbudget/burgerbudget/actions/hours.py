"""One hour row at a time: reporting it, and correcting it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlmodel import Session

from burgerbudget.actions.settling import settle_participants
from burgerbudget.hour_fields import parse_row
from burgerbudget.models import Hour
from burgerbudget.parameters import PARAMETERS
from burgerbudget.queries import decisions, hours, participants
from burgerbudget.refusals import AlreadyCorrected, HourRefused, HourUnreadable, OrganisationUnknown, UnknownHour
from burgerbudget.rules import (
    BAD_INPUT_CODES,
    HourContent,
    HourContext,
    HourRow,
    Known,
    Recognition,
    Refused,
    judge_correction,
    judge_hour,
)
from foundation import clock
from foundation.hours import Hours
from foundation.identifiers import new_id
from foundation.row_files import RawRow


def organisation_of(db: Session, organisation_id: UUID | None) -> tuple[UUID, Recognition]:
    """Give the organisation that a caller speaks for."""
    found = None if organisation_id is None else hours.recognition(db, organisation_id)
    if organisation_id is None or found is None:
        raise OrganisationUnknown("Uw token noemt geen organisatie die hier is geregistreerd.")
    return organisation_id, found


def report_hour(db: Session, organisation_id: UUID | None, raw: RawRow, actor: str) -> tuple[Hour, bool]:
    """Accept one row, or give the row accepted before. Returns the row and whether it is new.

    Raises `HourUnreadable` or `HourRefused` with the code of the contract.
    """
    organisation, recognition = organisation_of(db, organisation_id)
    row = parse_row(raw)
    number = row.participant_number if isinstance(row, HourRow) else ""
    # Locked before anything is looked up, and alone: two who shared the lock would each wait for the other to
    # let go when their hours are settled, and a row that came in meanwhile would not be seen.
    locked = participants.lock_by_number(db, [number])
    participation = locked[0].state.participation if locked else None
    taken = hours.taken(db, organisation, [row.external_id]).get(row.external_id) if row.external_id else None
    today = clock.business_date()
    totals = hours.day_totals(db, [(number, row.worked_on)]) if isinstance(row, HourRow) else {}
    day_total = next(iter(totals.values()), 0)
    limit = PARAMETERS.day_limit.on(today)
    verdict = judge_hour(
        row, HourContext(recognition, participation, taken[1] if taken else None, Hours(day_total), today, limit)
    )
    if isinstance(verdict, Refused):
        kind = HourUnreadable if verdict.code in BAD_INPUT_CODES else HourRefused
        raise kind(verdict.message, code=verdict.code.value)
    if isinstance(verdict, Known):
        assert taken is not None, "only an accepted row makes another one known"
        known = hours.find(db, taken[0])
        assert known is not None
        return known, False
    assert isinstance(row, HourRow), "a malformed row is never accepted"
    PARAMETERS.wage.on(row.worked_on)
    accepted = hours.NewHour(
        new_id(), row.external_id, number, row.worked_on, str(verdict.quarter), verdict.hours, row.activity
    )
    hours.insert(db, organisation, [accepted], None, actor)
    _count(db, accepted.id, number, accepted.quarter, row, verdict.hours)
    settle_participants(db, [number])
    found = hours.find(db, accepted.id)
    assert found is not None
    return found, True


def _count(db: Session, source_id: UUID, number: str, quarter: str, row: HourRow | Hour, added: int) -> None:
    if added < 0:
        hours.lower(db, number, row.worked_on, quarter, -added)
    else:
        hours.add_to_days(db, {(number, row.worked_on): added})
        hours.add_to_quarters(db, {(number, quarter): added})
    decisions.add_waiting(db, "hour", source_id, [number], [quarter], [added])


def correct_hour(
    db: Session, organisation_id: UUID | None, hour_id: UUID, number: Decimal, reason: str, actor: str
) -> Hour:
    """Correct the hours of an accepted row by a new row that names it; nothing is ever claimed back (BB-8)."""
    organisation, _ = organisation_of(db, organisation_id)
    old = hours.find(db, hour_id)
    if old is None or old.organisation_id != organisation:
        raise UnknownHour(f"Uurregel {hour_id} is niet bekend.")
    participants.lock_by_number(db, [old.participant_number])
    if hours.correction_of(db, hour_id) is not None:
        raise AlreadyCorrected("Deze regel is al gecorrigeerd; corrigeer de regel die ervoor in de plaats kwam.")
    content = HourContent(old.participant_number, old.worked_on, Hours(old.hours), old.activity)
    totals = hours.day_totals(db, [(old.participant_number, old.worked_on)])
    limit = PARAMETERS.day_limit.on(old.worked_on)
    verdict = judge_correction(content, number, Hours(next(iter(totals.values()), 0)), limit)
    if isinstance(verdict, Refused):
        kind = HourUnreadable if verdict.code in BAD_INPUT_CODES else HourRefused
        raise kind(verdict.message, code=verdict.code.value)
    row = hours.insert_correction(db, old, verdict.hours, reason, actor)
    _count(db, row.id, old.participant_number, str(verdict.quarter), old, verdict.hours - old.hours)
    settle_participants(db, [old.participant_number])
    return row
