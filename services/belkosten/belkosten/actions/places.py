"""Places with a telephone: opened with their hours, and closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import Session

from belkosten.models import OpeningHours, PhonePlace
from belkosten.queries import places
from belkosten.refusals import PlaceRefused, UnknownPlace
from belkosten.rules.openings import Opening, overlapping
from foundation.clock import business_date, now


def register(db: Session, place: PhonePlace, openings: Sequence[Opening]) -> PhonePlace:
    """Keep a place with its opening hours. Raises `PlaceRefused` where two of one day overlap."""
    doubled = overlapping(openings)
    if doubled is not None:
        raise PlaceRefused(
            f"Op een dag overlappen twee tijden elkaar: kijk naar {doubled.opens:%H:%M} tot {doubled.closes:%H:%M}.",
            code="hoursOverlap",
            pointer="/openingHours",
        )
    place.registered_at = now()
    db.add(place)
    db.flush()
    db.add_all(OpeningHours(place_id=place.id, weekday=o.weekday, opens=o.opens, closes=o.closes) for o in openings)
    db.flush()
    return place


def close(db: Session, place_id: UUID | None, until: date) -> PhonePlace:
    """Have a place end on a day. Raises `UnknownPlace`, and `PlaceRefused` for a day before today or its first."""
    place = places.find(db, place_id)
    if place is None:
        raise UnknownPlace
    if until < max(business_date(), place.valid_from):
        raise PlaceRefused(
            "De laatste dag is op zijn vroegst vandaag, en niet voor de eerste dag.", code="endInPast", pointer="/until"
        )
    if place.valid_until is not None and place.valid_until < business_date():
        raise PlaceRefused("Deze plaats is al gesloten.", code="closed")
    place.valid_until = until
    db.flush()
    return place
