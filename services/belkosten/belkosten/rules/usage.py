"""Figures over a month, none of them over fewer people than may be shown.

A figure over too few people is hidden, and so is what would give it away: the figures of a whole less those of its
shown parts are those of its hidden parts together, so the people in these must be enough as well. Where they are not,
the smallest part that could be shown is hidden with them. A part of a hidden part is never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from foundation.money import Cents

Name = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of some people together; `people` are those who called."""

    people: int
    calls: int
    seconds: int
    cost: Cents


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a breakdown, by its name; `calls` is None where they are not shown."""

    name: Name
    calls: Calls | None


@dataclass(frozen=True, slots=True)
class Place:
    """One neighbourhood (None: not known): who takes part there and what they called; None where not shown."""

    neighbourhood: str | None
    participants: int | None
    calls: Calls | None


@dataclass(frozen=True, slots=True)
class ProductUse:
    """One of the four ways: who took part in a month, and what it cost for the `people` for whom something was paid."""

    product: str
    participants: int | None
    people: int
    cost: Cents | None


@dataclass(frozen=True, slots=True)
class Billed:
    """What bills asked for the calls of a month: of `people`, while calls of `people_left` were not asked for yet."""

    amount: Cents
    people: int
    people_left: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a month came to; before `shown` everything is there, after it only what may be seen.

    `categories` are named (category,), `organisations` (category, organisation): each call is in one of both.
    """

    participants: int | None
    total: Calls | None
    categories: tuple[Part, ...]
    organisations: tuple[Part, ...]
    places: tuple[Place, ...]
    products: tuple[ProductUse, ...]


def shown(usage: Usage, fewest: int) -> Usage:
    """Hide what is over fewer than `fewest` people, and what would give that away.

    Every category and neighbourhood keeps its row, without figures where these are hidden. Of the organisations only those
    that may be shown are left.
    """
    participants = _shown_count(usage.participants, fewest)
    total = usage.total if usage.total is not None and usage.total.people >= fewest else None
    categories = _shown_parts(usage.categories, total, fewest)
    return Usage(
        participants,
        total,
        categories,
        _shown_organisations(usage.organisations, categories, fewest),
        _shown_places(usage.places, participants, total, fewest),
        tuple(
            replace(
                one,
                participants=_shown_count(one.participants, fewest),
                cost=one.cost if one.people >= fewest else None,
            )
            for one in usage.products
        ),
    )


def shown_bill(billed: Billed, total: Calls | None, fewest: int) -> Cents | None:
    """Give what was billed, unless that or what is not billed yet is over too few people."""
    if total is None or billed.people < fewest or 0 < billed.people_left < fewest:
        return None
    return billed.amount


def most_called(usage: Usage, most: int) -> list[Part]:
    """Give the organisations that were called most often, of those that are shown."""
    found = [one for one in usage.organisations if one.calls is not None]
    return sorted(found, key=lambda one: (-(one.calls.calls if one.calls else 0), one.name))[:most]


def _shown_count(people: int | None, fewest: int) -> int | None:
    return people if people is not None and people >= fewest else None


def _shown_parts(parts: Sequence[Part], whole: Calls | None, fewest: int) -> tuple[Part, ...]:
    """Hide parts of a whole whose people may be in several of them: the largest hidden one must have enough by itself."""
    people = [0 if part.calls is None else part.calls.people for part in parts]
    if whole is None:
        hidden: Collection[int] = range(len(parts))
    else:
        hidden = _hidden(people, fewest, lambda gone: max((people[one] for one in gone), default=0))
    return tuple(replace(part, calls=None) if at in hidden else part for at, part in enumerate(parts))


def _shown_organisations(organisations: Sequence[Part], categories: Sequence[Part], fewest: int) -> tuple[Part, ...]:
    found: list[Part] = []
    for category in categories:
        inside = [one for one in organisations if one.name[:1] == category.name]
        found += [one for one in _shown_parts(inside, category.calls, fewest) if one.calls is not None]
    return tuple(found)


def _shown_places(
    places: Sequence[Place], participants: int | None, total: Calls | None, fewest: int
) -> tuple[Place, ...]:
    """Hide neighbourhoods; everybody is in one, so the people of the hidden ones add up."""
    living = [place.participants or 0 for place in places]
    calling = [0 if place.calls is None else place.calls.people for place in places]
    everywhere = range(len(places))
    without_living: Collection[int] = (
        everywhere if participants is None else _hidden(living, fewest, lambda gone: sum(living[one] for one in gone))
    )
    without_calls: Collection[int] = (
        everywhere if total is None else _hidden(calling, fewest, lambda gone: sum(calling[one] for one in gone))
    )
    return tuple(
        Place(
            place.neighbourhood,
            None if at in without_living else place.participants,
            None if at in without_calls else place.calls,
        )
        for at, place in enumerate(places)
    )


def _hidden(people: Sequence[int], fewest: int, together: Callable[[Collection[int]], int]) -> Collection[int]:
    """Give which parts to hide: those with too few people, and the smallest others until the hidden have enough together."""
    hidden = {at for at, count in enumerate(people) if count < fewest}
    for at in sorted(range(len(people)), key=lambda one: (people[one], one)):
        if not hidden or together(hidden) >= fewest:
            break
        hidden.add(at)
    return hidden


def percentage(part: int, whole: int) -> str:
    """Write a part of a whole in percent with one decimal, half-up.

    >>> percentage(700, 4_500 + 9_600), percentage(1_700, 6_500)
    ('5.0', '26.2')
    """
    tenths = (2_000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}"


def take_up(participants: int, target_group: int) -> str:
    """Give which part of those for whom it is meant take part, in percent with one decimal."""
    return percentage(participants, target_group)


def cost_per_user(cost: Cents, users: int) -> Cents:
    """Give what one user costs, half-up.

    >>> cost_per_user(Cents(50_000), 2_000), cost_per_user(Cents(100_000), 2_000)
    (25, 50)
    """
    return Cents((2 * cost + users) // (2 * users))


def minutes_a_month(users: int, minutes_each: int) -> int:
    """Give the minutes that so many users call in a month.

    >>> minutes_a_month(168, 90)
    15120
    """
    return users * minutes_each
