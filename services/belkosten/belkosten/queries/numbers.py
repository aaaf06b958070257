"""The list of numbers that may be called."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.models import ApprovedNumber
from belkosten.rules.numbers import Approval, Category, Listing
from belkosten.rules.spans import Span
from foundation.clock import now
from foundation.identifiers import new_id


@dataclass(frozen=True, slots=True)
class Sought:
    """Which numbers are asked for; None asks for all."""

    category: str | None = None
    organisation: str | None = None
    """A part of its name, in any case."""
    number: str | None = None
    on: date | None = None


def page(db: Session, sought: Sought, after: tuple[str, str, UUID] | None, limit: int) -> Sequence[Row[Any]]:
    """Give numbers in the order of their organisation's name, those after a position."""
    conditions = {
        "category": "category = :category",
        "organisation": "strpos(lower(organisation), lower(:organisation)) > 0",
        "number": "number = :number",
        "on": "valid_from <= :on AND (valid_until IS NULL OR valid_until >= :on)",
        "id": "(lower(organisation), number, id) > (:name, :after_number, :id)",
    }
    name, after_number, last = after or (None, None, None)
    values: dict[str, Any] = {field: getattr(sought, field) for field in Sought.__dataclass_fields__}
    values |= {"name": name, "after_number": after_number, "id": last}
    asked = [condition for field, condition in conditions.items() if values[field] is not None]
    return db.execute(
        text(
            "SELECT id, number, organisation, lower(organisation) AS name, category, valid_from, valid_until"
            f" FROM belkosten.approved_number WHERE {' AND '.join(asked) or 'true'}"
            " ORDER BY lower(organisation), number, id LIMIT :limit"
        ),
        {**values, "limit": limit},
    ).all()


def insert(db: Session, listings: Sequence[Listing], actor: str) -> list[UUID]:
    """Put numbers on the list; gives the ids of their lines."""
    if not listings:
        return []
    ids = [new_id() for _ in listings]
    db.execute(
        text(
            "INSERT INTO belkosten.approved_number (id, number, organisation, category, valid_from, valid_until,"
            " registered_by, registered_at)"
            " SELECT u.*, :actor, :now FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS text[]),"
            " CAST(:organisations AS text[]), CAST(:categories AS text[]), CAST(:firsts AS date[]), CAST(:lasts AS date[])) u"
        ),
        {
            "ids": ids,
            "numbers": [one.number for one in listings],
            "organisations": [one.organisation for one in listings],
            "categories": [one.category.value for one in listings],
            "firsts": [one.span.first for one in listings],
            "lasts": [one.span.last for one in listings],
            "actor": actor,
            "now": now(),
        },
    )
    return ids


def lock(db: Session, numbers: Collection[str]) -> None:
    """Have these numbers to oneself until the end of the transaction; the guard of the table takes the same locks."""
    db.execute(
        text(
            "SELECT pg_advisory_xact_lock(key) FROM"
            " (SELECT DISTINCT hashtextextended(n, 0) AS key FROM unnest(CAST(:numbers AS text[])) n ORDER BY 1) k"
        ),
        {"numbers": list(numbers)},
    )


def listings(db: Session, numbers: Collection[str]) -> Mapping[str, list[Listing]]:
    """Give every line of the list for these numbers, by number."""
    found: dict[str, list[Listing]] = defaultdict(list)
    rows = db.execute(
        text(
            "SELECT number, organisation, category, valid_from, valid_until FROM belkosten.approved_number"
            " WHERE number = ANY(:numbers)"
        ),
        {"numbers": list(numbers)},
    )
    for row in rows:
        span = Span(row.valid_from, row.valid_until)
        found[row.number].append(Listing(row.number, row.organisation, Category(row.category), span))
    return found


def approvals(db: Session, numbers: Collection[str]) -> Mapping[str, list[Approval]]:
    """Give when each of these numbers is on the list, by number; those that never are, are not there."""
    found: dict[str, list[Approval]] = defaultdict(list)
    rows = db.execute(
        text("SELECT id, number, valid_from, valid_until FROM belkosten.approved_number WHERE number = ANY(:numbers)"),
        {"numbers": list(numbers)},
    )
    for row in rows:
        found[row.number].append(Approval(row.id, Span(row.valid_from, row.valid_until)))
    return found


def find(db: Session, line_id: UUID | None) -> ApprovedNumber | None:
    """Lock a line of the list and give it."""
    return None if line_id is None else db.get(ApprovedNumber, line_id, with_for_update=True, populate_existing=True)
