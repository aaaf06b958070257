"""Places with a telephone that may be used free of charge, with their opening hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from uuid import UUID

from sqlmodel import Session, col, select

from belkosten.models import OpeningHours, PhonePlace


def page(
    db: Session, on: date | None, open_at: tuple[int, time] | None, after: tuple[str, UUID] | None, limit: int
) -> Sequence[PhonePlace]:
    """Give places by name; those that are there on a day, and open on a weekday at a time, where these are given."""
    statement = select(PhonePlace).order_by(col(PhonePlace.name), col(PhonePlace.id)).limit(limit)
    if on is not None:
        still = col(PhonePlace.valid_until).is_(None) | (col(PhonePlace.valid_until) >= on)
        statement = statement.where(col(PhonePlace.valid_from) <= on, still)
    if open_at is not None:
        weekday, at = open_at
        statement = statement.where(
            col(PhonePlace.id).in_(
                select(OpeningHours.place_id).where(
                    OpeningHours.weekday == weekday, col(OpeningHours.opens) <= at, col(OpeningHours.closes) > at
                )
            )
        )
    if after is not None:
        name, place = after
        statement = statement.where(
            (col(PhonePlace.name) > name) | ((col(PhonePlace.name) == name) & (col(PhonePlace.id) > place))
        )
    return db.exec(statement).all()


def find(db: Session, place: UUID | None) -> PhonePlace | None:
    """Lock a place and give it."""
    return None if place is None else db.get(PhonePlace, place, with_for_update=True, populate_existing=True)


def hours(db: Session, places: Sequence[UUID]) -> Sequence[OpeningHours]:
    """Give the opening hours of places, in the order of the week."""
    return db.exec(
        select(OpeningHours)
        .where(col(OpeningHours.place_id).in_(places))
        .order_by(col(OpeningHours.place_id), col(OpeningHours.weekday), col(OpeningHours.opens))
    ).all()
