"""What the four ways to keep people reachable would cost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from belkosten.parameters import prices_on
from belkosten.rules.comparing import compare
from belkosten.schemas.comparing import ComparisonIn, ComparisonOut, OptionOut
from foundation.access import Caller, anyone_signed_in
from foundation.clock import business_date

router = APIRouter(tags=["comparing"])


@router.post("/cost-comparisons", response_model=ComparisonOut)
def post_comparison(body: ComparisonIn, caller: Annotated[Caller, anyone_signed_in()]) -> ComparisonOut:
    """Work out what each way costs for so many people, at today's prices; nothing is stored."""
    options = compare(body.users, body.minutes_per_user_month, prices_on(business_date()))
    return ComparisonOut(options=[OptionOut.model_validate(option) for option in options])
