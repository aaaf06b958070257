"""What a month came to, counted in the database: one row per figure, never one per person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session

from belkosten.rules.usage import Billed, Calls, Part, Place, ProductUse, Usage
from foundation.money import Cents
from foundation.periods import Month

# First a row for each person and organisation: people are counted once in each figure, and there are far fewer of these rows
# than calls.
_CALLS = """
    WITH called AS MATERIALIZED (
        SELECT c.participant_number AS number, n.category, n.organisation, p.neighbourhood, count(*) AS calls,
               sum(c.billable_seconds) AS seconds, sum(c.cost) AS cost
          FROM belkosten.call c
          JOIN belkosten.approved_number n ON n.id = c.approved_number_id
          JOIN belkosten.participant p ON p.number = c.participant_number
         WHERE c.called_on BETWEEN :first AND :last AND c.outcome = 'rated'
         GROUP BY 1, 2, 3, 4)
    SELECT grouping(category, organisation, neighbourhood) AS level, category, organisation, neighbourhood,
           count(DISTINCT number) AS people, sum(calls)::bigint AS calls, sum(seconds)::bigint AS seconds,
           sum(cost)::bigint AS cost
      FROM called GROUP BY GROUPING SETS ((), (category), (category, organisation), (neighbourhood))
"""
_TOTAL, _CATEGORY, _ORGANISATION, _NEIGHBOURHOOD = 0b111, 0b011, 0b001, 0b110

_PAID = """
    SELECT 'sim-only' AS product, count(DISTINCT participant_number) AS people, coalesce(sum(fee), 0)::bigint AS cost
      FROM belkosten.sim_month WHERE month = :first
    UNION ALL
    SELECT 'prepaid', count(DISTINCT participant_number), coalesce(sum(amount), 0)::bigint
      FROM belkosten.purchase WHERE bought_on BETWEEN :first AND :last
"""


def of_month(db: Session, month: Month) -> Usage:
    """Give everything about one month, nothing of it hidden yet."""
    days = {"first": month.start, "last": month.end}
    calls = list(db.execute(text(_CALLS), days))
    total = next(_calls(row) for row in calls if row.level == _TOTAL)
    living = _living(db, days)
    return Usage(
        participants=sum(living.values()),
        total=total,
        categories=tuple(Part((row.category,), _calls(row)) for row in _sorted(calls, _CATEGORY)),
        organisations=tuple(
            Part((row.category, row.organisation), _calls(row)) for row in _sorted(calls, _ORGANISATION)
        ),
        places=_places({row.neighbourhood: _calls(row) for row in calls if row.level == _NEIGHBOURHOOD}, living),
        products=_products(db, days, total),
    )


def _calls(row: Row[Any]) -> Calls:
    return Calls(row.people, row.calls or 0, row.seconds or 0, Cents(row.cost or 0))


def _sorted(rows: list[Row[Any]], level: int) -> list[Row[Any]]:
    return sorted((row for row in rows if row.level == level), key=lambda row: (row.category, row.organisation or ""))


def _living(db: Session, days: Mapping[str, Any]) -> dict[str | None, int]:
    """Give how many take part in the `belapp`, by neighbourhood: each person is in one."""
    rows = db.execute(
        text(
            "SELECT p.neighbourhood, count(DISTINCT p.number) AS people"
            "  FROM belkosten.participation s JOIN belkosten.participant p ON p.number = s.participant_number"
            " WHERE s.product = 'belapp' AND s.state = 'confirmed' AND s.starts_on <= :last"
            "   AND (s.ends_on IS NULL OR s.ends_on >= :first) GROUP BY p.neighbourhood"
        ),
        days,
    )
    return {row.neighbourhood: row.people for row in rows}


def _places(calls: Mapping[str | None, Calls], living: Mapping[str | None, int]) -> tuple[Place, ...]:
    nobody = Calls(0, 0, 0, Cents(0))
    names = sorted({*calls, *living}, key=lambda name: (name is None, name or ""))
    return tuple(Place(name, living.get(name, 0), calls.get(name, nobody)) for name in names)


def _products(db: Session, days: Mapping[str, Any], total: Calls) -> tuple[ProductUse, ...]:
    rows = db.execute(
        text(
            "SELECT product, count(DISTINCT participant_number) AS people FROM belkosten.participation"
            " WHERE state = 'confirmed' AND starts_on <= :last AND (ends_on IS NULL OR ends_on >= :first)"
            " GROUP BY product"
        ),
        days,
    )
    people = {row.product: row.people for row in rows}
    paid = {row.product: row for row in db.execute(text(_PAID), days)}
    sim, prepaid = paid["sim-only"], paid["prepaid"]
    return (
        ProductUse("belapp", people.get("belapp", 0), total.people, total.cost),
        ProductUse("toestel", people.get("toestel", 0), 0, None),
        ProductUse("sim-only", people.get("sim-only", 0), sim.people, Cents(sim.cost)),
        ProductUse("prepaid", people.get("prepaid", 0), prepaid.people, Cents(prepaid.cost)),
    )


def billed(db: Session, month: Month) -> Billed:
    """Give what bills asked for the calls of a month, matched or not, and over how many people that is."""
    row = db.execute(
        text(
            """
            WITH asked AS MATERIALIZED (
                SELECT c.participant_number AS number, sum(l.amount) AS amount, bool_or(l.call IS NULL) AS left_open
                  FROM belkosten.call c LEFT JOIN belkosten.invoice_line l ON l.call = c.id
                 WHERE c.called_on BETWEEN :first AND :last AND c.outcome = 'rated' GROUP BY 1)
            SELECT coalesce(sum(amount), 0)::bigint AS amount, count(amount) AS people,
                   count(*) FILTER (WHERE left_open) AS people_left FROM asked
            """
        ),
        {"first": month.start, "last": month.end},
    ).one()
    return Billed(Cents(row.amount), row.people, row.people_left)
