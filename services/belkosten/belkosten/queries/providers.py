"""Who is paid: providers of calls and SIM cards, sellers of call credit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from belkosten.models import Provider


def every(db: Session) -> Sequence[Provider]:
    """Give all providers, by name."""
    return db.exec(select(Provider).order_by(col(Provider.name), col(Provider.organisation))).all()


def find(db: Session, organisation: str | None) -> Provider | None:
    return None if organisation is None else db.get(Provider, organisation)
