"""Grounds on which somebody may take part."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from belkosten.models import Ground
from belkosten.rules.products import GroundTerms


def every(db: Session) -> Sequence[Ground]:
    """Give all grounds, by name."""
    return db.exec(select(Ground).order_by(col(Ground.name), col(Ground.code))).all()


def find(db: Session, code: str) -> Ground | None:
    return db.get(Ground, code)


def terms(db: Session, code: str) -> GroundTerms | None:
    """Give what the rules need to know of a ground."""
    found = find(db, code)
    if found is None:
        return None
    return GroundTerms(found.code, found.proves_itself, found.valid_from, found.valid_until)
