"""What a month came to. Amounts in cents; a figure over too few people, or one that would give it away, is null."""

from __future__ import annotations

from belkosten.rules.usage import Calls, Part, Place, ProductUse
from foundation.schemas import ApiOut


class CallsOut(ApiOut):
    """The calls of some people together; all four are null where they are not shown."""

    active_users: int | None
    calls: int | None
    seconds: int | None
    cost: int | None


def shown_calls(calls: Calls | None) -> dict[str, int | None]:
    """Name the four figures as they go out."""
    if calls is None:
        return dict.fromkeys(CallsOut.model_fields)
    return {"active_users": calls.people, "calls": calls.calls, "seconds": calls.seconds, "cost": calls.cost}


class CategoryOut(CallsOut):
    category: str

    @classmethod
    def of(cls, part: Part) -> CategoryOut:
        return cls(category=str(part.name[0]), **shown_calls(part.calls))


class OrganisationOut(CallsOut):
    organisation: str
    category: str

    @classmethod
    def of(cls, part: Part) -> OrganisationOut:
        category, organisation = part.name
        return cls(organisation=str(organisation), category=str(category), **shown_calls(part.calls))


class NeighbourhoodOut(CallsOut):
    """Where people live; null: not known."""

    neighbourhood: str | None
    participants: int | None

    @classmethod
    def of(cls, place: Place) -> NeighbourhoodOut:
        return cls(neighbourhood=place.neighbourhood, participants=place.participants, **shown_calls(place.calls))


class ProductOut(ApiOut):
    """One way to help: who took part, and what it cost (calls, SIM months, or call credit bought)."""

    product: str
    participants: int | None
    cost: int | None

    @classmethod
    def of(cls, use: ProductUse) -> ProductOut:
        return cls(product=use.product, participants=use.participants, cost=use.cost)


class UsageOut(CallsOut):
    """The `belapp` in one month, and the four ways beside each other."""

    month: str
    participants: int | None
    take_up: str | None
    """Participants in percent of the target group, where one was named."""
    cost_per_user: int | None
    billed: int | None
    """What bills asked for calls of this month, matched or not."""
    per_category: list[CategoryOut]
    per_neighbourhood: list[NeighbourhoodOut]
    per_product: list[ProductOut]
    most_called: list[OrganisationOut]
