"""What a month gave in credits and cost in SIM cards."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from belkosten.queries import crediting, sim
from belkosten.routes.months import month_of
from belkosten.schemas.months import CreditMonthOut, SimMonthOut, SimProviderOut
from foundation.access import Caller, Role, require
from foundation.database import ReadSession

router = APIRouter(tags=["months"])

Reader = Annotated[Caller, require(Role.CASEWORKER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)]


@router.get("/credit-months/{month}")
def get_credit_month(month: str, caller: Reader, db: ReadSession) -> CreditMonthOut:
    """Give what a month gave in credits, how much of it is booked, and what stands in the way of the rest."""
    asked = month_of(month)
    found = crediting.figures(db, asked)
    return CreditMonthOut(
        month=str(asked),
        participants=found.participants,
        credited=found.credited,
        total=found.total,
        booked=found.booked,
        waiting=found.waiting,
        problem=found.problem,
    )


@router.get("/sim-months/{month}")
def get_sim_month(month: str, caller: Reader, db: ReadSession) -> SimMonthOut:
    """Give what a month cost in SIM cards, in all and for each provider."""
    asked = month_of(month)
    per_provider = [
        SimProviderOut(provider=row.provider, count=row.months, total=row.total, booked=row.booked, waiting=row.waiting)
        for row in sim.figures(db, asked)
    ]
    return SimMonthOut(
        month=str(asked),
        count=sum(one.count for one in per_provider),
        total=sum(one.total for one in per_provider),
        booked=sum(one.booked for one in per_provider),
        waiting=sum(one.waiting for one in per_provider),
        per_provider=per_provider,
    )
