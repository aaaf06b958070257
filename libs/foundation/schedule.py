"""Jobs that are due once per business date; two schedulers at once are harmless."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import now


def is_done(db: Session, job: str, period: date) -> bool:
    """Tell whether the job was done for that date."""
    found = db.execute(
        text("SELECT 1 FROM schedule WHERE job = :job AND period = :period"), {"job": job, "period": period}
    )
    return found.first() is not None


def mark_done(db: Session, job: str, period: date) -> bool:
    """Write down that it is done. False when another had done so before."""
    marked = db.execute(
        text(
            "INSERT INTO schedule (job, period, done_at) VALUES (:job, :period, :now) ON CONFLICT DO NOTHING RETURNING 1"
        ),
        {"job": job, "period": period, "now": now()},
    )
    return marked.first() is not None
