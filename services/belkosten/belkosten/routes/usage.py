"""Usage of a month, for those who judge whether it helps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from belkosten.parameters import PARAMETERS
from belkosten.queries import usage as queries
from belkosten.routes.months import MonthParam
from belkosten.rules.usage import cost_per_user, most_called, shown, shown_bill, take_up
from belkosten.schemas.usage import (
    CategoryOut,
    NeighbourhoodOut,
    OrganisationOut,
    ProductOut,
    UsageOut,
    shown_calls,
)
from foundation.access import Caller, Role, require
from foundation.database import ReadSession

router = APIRouter(tags=["usage"])

MOST_CALLED = 10


@router.get("/usage")
def get_usage(
    month: MonthParam,
    caller: Annotated[Caller, require(Role.CASEWORKER, Role.AUDITOR)],
    db: ReadSession,
    target_group: Annotated[
        int | None, Query(alias="targetGroup", ge=1, le=10**9, description="For how many people it is meant.")
    ] = None,
) -> UsageOut:
    """Give what a month came to; figures over fewer people than may be shown are null, and so is what would tell them."""
    whole = queries.of_month(db, month)
    fewest = PARAMETERS.fewest_people.on(month.end)
    seen = shown(whole, fewest)
    per_user = None
    if seen.total is not None and seen.participants is not None:
        per_user = cost_per_user(seen.total.cost, seen.participants)
    taken_up = None
    if seen.participants is not None and target_group is not None:
        taken_up = take_up(seen.participants, target_group)
    return UsageOut(
        month=str(month),
        participants=seen.participants,
        **shown_calls(seen.total),
        take_up=taken_up,
        cost_per_user=per_user,
        billed=shown_bill(queries.billed(db, month), seen.total, fewest),
        per_category=[CategoryOut.of(part) for part in seen.categories],
        per_neighbourhood=[NeighbourhoodOut.of(place) for place in seen.places],
        per_product=[ProductOut.of(use) for use in seen.products],
        most_called=[OrganisationOut.of(part) for part in most_called(seen, MOST_CALLED)],
    )
