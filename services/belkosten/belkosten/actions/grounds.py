"""Grounds that a municipality adds itself."""

from __future__ import annotations

from sqlmodel import Session

from belkosten.models import Ground
from belkosten.queries import grounds
from belkosten.refusals import GroundThere
from foundation.clock import now


def add(db: Session, ground: Ground) -> Ground:
    """Keep a new ground. Raises `GroundThere` where its code is taken."""
    if grounds.find(db, ground.code) is not None:
        raise GroundThere(f"De grond {ground.code} is er al. Kies een andere code.", pointer="/code")
    ground.added_at = now()
    db.add(ground)
    db.flush()
    return ground
