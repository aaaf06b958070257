"""Taking part: enrolled, checked, moved, ended, taken back. One product at a time, each under its person's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlmodel import Session

from belkosten.actions import notices
from belkosten.models import Participant, Participation
from belkosten.queries import crediting, grounds, participants
from belkosten.refusals import ProductRefused, SameSubject, UnknownParticipant
from belkosten.rules import products
from belkosten.rules.credits import first_credit
from belkosten.rules.products import SIM, WITH_PURSE, GroundTerms, Product, Stay
from foundation.access import Caller
from foundation.clock import business_date, now
from foundation.dutch import day_in_words
from foundation.identifiers import new_id
from foundation.periods import Month

_SAYS = {
    "unknownGround": "Deze grond is er niet. Bij de gronden ziet u welke er zijn.",
    "groundNotInForce": "Deze grond geldt niet op de dag waarop de deelname begint.",
    "groundNotChecked": "Op een andere grond overstappen kan alleen als een medewerker of hulpverlener dat voor u doet.",
    "otherProduct": "In deze tijd heeft deze persoon al een product. Laat dat eerst stoppen, of stap over.",
    "notAtMonthEnd": "Overstappen gaat in op de eerste dag van een maand, vanaf vandaag en binnen een jaar.",
    "noProductThen": "Er is op dat moment geen product om over te stappen of te stoppen.",
    "notChecked": "De aanvraag is nog niet beoordeeld. Wacht daarop, of trek de aanvraag in.",
    "sameProduct": "Dit product heeft deze persoon al.",
    "endInPast": "De laatste dag is op zijn vroegst vandaag, en niet voor de eerste dag.",
    "endsEarlier": "De deelname stopt al eerder.",
    "plannedLater": "Er begint hierna al een ander product. Trek dat eerst in.",
    "nothingRequested": "Er is geen aanvraag om te beoordelen.",
    "nothingToWithdraw": "Er is niets wat nog niet begonnen is.",
    "reasonMissing": "Schrijf op waarom de aanvraag wordt afgewezen; de aanvrager leest dat.",
}
_POINTERS = {
    "unknownGround": "/ground",
    "groundNotInForce": "/ground",
    "groundNotChecked": "/ground",
    "otherProduct": "/product",
    "sameProduct": "/product",
    "notAtMonthEnd": "/from",
    "startOutOfRange": "/from",
    "endInPast": "/until",
    "endsEarlier": "/until",
    "reasonMissing": "/reason",
}


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who is to take part in what, on which ground and in which time."""

    holder_id: str
    product: Product
    ground: str
    starts_on: date
    ends_on: date | None = None
    neighbourhood: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """To which product somebody moves and when; without a ground they keep theirs."""

    product: Product
    starts_on: date
    ground: str | None = None
    provider: str | None = None


def enrol(db: Session, asked: Enrolment, caller: Caller) -> Participation:
    """Have somebody take part. Raises `ProductRefused`.

    Who enrols another vouches for the ground. Who enrols themselves takes part at once on a ground that proves itself,
    and otherwise waits for a caseworker.
    """
    today = business_date()
    participant = participants.register(db, asked.holder_id, asked.neighbourhood, caller.subject)
    ground = grounds.terms(db, asked.ground)
    _refuse(products.refusal_of_stay(_stays(db, participant), asked.starts_on, asked.ends_on, ground, today), today)
    assert ground is not None, "an unknown ground is refused"
    if asked.neighbourhood is not None:
        participant.neighbourhood = asked.neighbourhood
    by_person = caller.holder_id == asked.holder_id
    row = _participation(participant, asked.product, asked.ground, asked.starts_on, caller, by_person=by_person)
    row.ends_on, row.provider = asked.ends_on, asked.provider
    checked_by = _checked_by(ground, caller, by_person=by_person)
    if checked_by is not None:
        _confirm(row, checked_by, today)
    db.add(row)
    db.flush()
    if checked_by is not None:
        notices.tell(db, participant.holder_id, "admitted", row.id)
    return row


def check_ground(
    db: Session, number: str, outcome: Literal["confirmed", "rejected"], reason: str | None, caller: Caller
) -> Participation:
    """Decide on somebody's own request. Raises `UnknownParticipant`, `SameSubject`, `ProductRefused`."""
    today = business_date()
    participant = _locked(db, number)
    row = next((one for one in participants.participations(db, number) if one.state == "requested"), None)
    if row is None:
        raise _refusal("nothingRequested", today)
    if caller.subject == row.registered_by or caller.holder_id == participant.holder_id:
        raise SameSubject("Wie zelf meedoet of de aanvraag deed, beoordeelt die niet. Laat een collega dat doen.")
    if outcome == "rejected" and reason is None:
        raise _refusal("reasonMissing", today)
    row.reason = reason
    if outcome == "confirmed":
        _confirm(row, caller.subject, today)
    else:
        row.state, row.checked_by, row.checked_on, row.returned = "rejected", caller.subject, today, True
    db.flush()
    notices.tell(db, participant.holder_id, "admitted" if outcome == "confirmed" else "rejected", row.id)
    return row


def move(db: Session, number: str, asked: Move, caller: Caller) -> Participation:
    """Move somebody to another product at the turn of a month. Raises `UnknownParticipant`, `ProductRefused`."""
    today = business_date()
    participant = _locked(db, number)
    stays = _stays(db, participant)
    moved = products.moving(stays, asked.starts_on)
    code = asked.ground or (moved.ground if moved is not None else "")
    ground = grounds.terms(db, code)
    _refuse(products.refusal_of_move(stays, asked.product, asked.starts_on, ground, today), today)
    assert moved is not None and ground is not None, "without these it is refused"
    before = participants.participation(db, moved.id)
    by_person = caller.holder_id == participant.holder_id
    # Who has taken part on this ground until now has had it checked.
    checked_by = before.checked_by if ground.code == before.ground and by_person else None
    checked_by = checked_by or _checked_by(ground, caller, by_person=by_person)
    if checked_by is None:
        raise _refusal("groundNotChecked", today)
    row = _participation(participant, asked.product, ground.code, asked.starts_on, caller, by_person=by_person)
    row.ends_on, row.provider, row.moved_from = before.ends_on, asked.provider, before.id
    _confirm(row, checked_by, today)
    before.ends_on = asked.starts_on - timedelta(days=1)
    # A move of today after this month's credit: it stays, and the new product has it for this month.
    credited = crediting.credit_of(db, number, Month.of(today)) if asked.starts_on == today else None
    if credited is not None and credited.participation_id == before.id and asked.product in WITH_PURSE:
        before.returned = True
    db.flush()
    db.add(row)
    db.flush()
    notices.tell(db, participant.holder_id, "moved", row.id, is_decision=not by_person)
    return row


def end(db: Session, number: str, until: date, reason: str | None, caller: Caller) -> Participation:
    """End the product of today, or the next one. Raises `UnknownParticipant`, `ProductRefused`."""
    today = business_date()
    participant = _locked(db, number)
    stays = _stays(db, participant)
    _refuse(products.refusal_of_end(stays, until, today), today)
    ending = products.shown(stays, today)
    assert ending is not None, "without a product it is refused"
    row = participants.participation(db, ending.id)
    row.ends_on, row.reason = until, reason
    db.flush()
    by_person = caller.holder_id == participant.holder_id
    notices.tell(db, participant.holder_id, "ended", row.id, is_decision=not by_person)
    return row


def withdraw(db: Session, number: str, caller: Caller) -> Participation:
    """Take back what nobody checked yet or has not begun; after a planned move the product before goes on.

    Raises `UnknownParticipant`, `ProductRefused`.
    """
    today = business_date()
    participant = _locked(db, number)
    stay = products.withdrawable(_stays(db, participant), today)
    if stay is None:
        raise _refusal("nothingToWithdraw", today)
    row = participants.participation(db, stay.id)
    row.state, row.returned, row.due_on = "withdrawn", True, None
    db.flush()
    if row.moved_from is not None:
        participants.participation(db, row.moved_from).ends_on = row.ends_on
        db.flush()
    return row


def _participation(
    participant: Participant, product: Product, ground: str, starts_on: date, caller: Caller, *, by_person: bool
) -> Participation:
    return Participation(
        id=new_id(),
        participant_number=participant.number,
        product=product,
        ground=ground,
        starts_on=starts_on,
        state="requested",
        registered_by=caller.subject,
        by_person=by_person,
        registered_on=business_date(),
        registered_at=now(),
        returned=product not in WITH_PURSE,
    )


def _checked_by(ground: GroundTerms, caller: Caller, *, by_person: bool) -> str | None:
    """Give who stands for the ground: a caseworker or helper for another, the rule where it proves itself, or nobody yet."""
    if not by_person:
        return caller.subject
    return f"rule:{ground.code}" if ground.proves_itself else None


def _confirm(row: Participation, checked_by: str, today: date) -> None:
    row.state, row.checked_by, row.checked_on = "confirmed", checked_by, today
    if row.product in WITH_PURSE:
        row.due_on = first_credit(row.starts_on, today)
    elif row.product == SIM:
        row.due_on = row.starts_on


def _locked(db: Session, number: str) -> Participant:
    found = participants.find(db, number, lock=True)
    if found is None:
        raise UnknownParticipant
    return found


def _stays(db: Session, participant: Participant) -> list[Stay]:
    return [participants.stay_of(row) for row in participants.participations(db, participant.number)]


def _refuse(code: str | None, today: date) -> None:
    if code is not None:
        raise _refusal(code, today)


def _refusal(code: str, today: date) -> ProductRefused:
    if code == "startOutOfRange":
        first, last = products.first_start(today), products.last_start(today)
        text = f"Een deelname begint tussen {day_in_words(first)} en {day_in_words(last)}."
    else:
        text = _SAYS[code]
    return ProductRefused(text, code=code, pointer=_POINTERS.get(code, ""))
