"""All loans together: what is outstanding, late, remitted and repaid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, text
from sqlmodel import Session

from sociaal_krediet.rules.arrears import Bucket, bucket


@dataclass(slots=True)
class Age:
    """Arrears of one age: how many loans, and how many cents are late on them."""

    loans: int = 0
    amount: int = 0


def totals(db: Session) -> Row[Any]:
    """Give the sums over all loans and gifts."""
    return db.execute(
        text(
            "SELECT count(*) AS loans, count(*) FILTER (WHERE state = 'active') AS active,"
            " coalesce(sum(principal), 0)::bigint AS principal, coalesce(sum(outstanding), 0)::bigint AS outstanding,"
            " coalesce(sum(repaid), 0)::bigint AS repaid, coalesce(sum(remitted), 0)::bigint AS remitted,"
            " coalesce(sum(written_off), 0)::bigint AS written_off,"
            " (SELECT count(*) FROM sociaal_krediet.gift) AS gifts,"
            " (SELECT coalesce(sum(amount), 0)::bigint FROM sociaal_krediet.gift) AS given"
            " FROM sociaal_krediet.loan"
        )
    ).one()


def arrears(db: Session, today: date) -> dict[Bucket, Age]:
    """Give what is late by the age of the oldest instalment of each loan."""
    rows = db.execute(
        text(
            "SELECT min(due_on) AS oldest, sum(amount - paid)::bigint AS late FROM sociaal_krediet.open_instalment"
            " WHERE due_on < :today GROUP BY loan_id"
        ),
        {"today": today},
    )
    ages: dict[Bucket, Age] = defaultdict(Age)
    for row in rows:
        age = bucket((today - row.oldest).days)
        if age is not None:
            ages[age].loans += 1
            ages[age].amount += row.late
    return ages


def lent_on_its_way(db: Session) -> int:
    """Give what postings that the wallet has not acknowledged will add to what is lent."""
    found = db.execute(
        text(
            "SELECT coalesce(sum(CASE WHEN b.kind = 'receivable' THEN b.amount"
            "                         WHEN b.kind IN ('remission', 'write-off') THEN -b.amount ELSE -b.repaid END), 0)::bigint"
            "  FROM sociaal_krediet.booking b JOIN outbox o ON o.id = b.message_id"
            " WHERE o.state IN ('pending', 'leased', 'dead')"
        )
    )
    return int(found.scalar_one())
