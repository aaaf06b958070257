"""The four ways to help: who may take part in one, from when until when, and how one moves to another (section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args
from uuid import UUID

from foundation.periods import Month

Product = Literal["belapp", "toestel", "sim-only", "prepaid"]
PRODUCTS: tuple[Product, ...] = get_args(Product)
WITH_PURSE: tuple[Product, ...] = ("belapp", "prepaid")
"""The products of which the credit is in purse `belkosten`."""
SIM: Product = "sim-only"

StayState = Literal["requested", "confirmed", "rejected", "withdrawn"]
Standing = Literal["requested", "upcoming", "active", "ended", "rejected", "withdrawn"]
"""How somebody's product stands on a day."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class GroundTerms:
    """From when until when a ground holds, and whether it proves itself: then nobody checks it."""

    code: str
    proves_itself: bool
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Stay:
    """One product of one person, from a day until a day (included; None: until further notice)."""

    id: UUID
    product: Product
    ground: str
    starts_on: date
    ends_on: date | None
    state: StayState

    @property
    def counts(self) -> bool:
        """Whether it takes up its time: what was rejected or withdrawn does not."""
        return self.state in ("requested", "confirmed")

    def covers(self, day: date) -> bool:
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)

    def overlaps(self, first: date, last: date | None) -> bool:
        return (last is None or self.starts_on <= last) and (self.ends_on is None or first <= self.ends_on)


def standing(stay: Stay, today: date) -> Standing:
    """Tell how a product stands on a day."""
    if stay.state != "confirmed":
        return stay.state
    if today < stay.starts_on:
        return "upcoming"
    return "active" if stay.covers(today) else "ended"


def shown(stays: Sequence[Stay], today: date) -> Stay | None:
    """Give the product that somebody has today, or else gets next."""
    counting = [stay for stay in stays if stay.counts and (stay.ends_on is None or today <= stay.ends_on)]
    return min(counting, key=lambda stay: stay.starts_on, default=None)


def latest(stays: Sequence[Stay], today: date) -> Stay | None:
    """Give what is told of somebody: the product of today or next, or else the last that they had or asked for."""
    return shown(stays, today) or max(stays, key=lambda stay: (stay.starts_on, str(stay.id)), default=None)


def first_start(today: date) -> date:
    """Give the earliest day on which a product may begin: the first of last month, for who helped before writing it down."""
    return Month.of(Month.of(today).start - _DAY).start


def last_start(today: date) -> date:
    """Give the latest day on which a product may begin: a year ahead."""
    month = Month(today.year + 1, today.month)
    return month.start.replace(day=min(today.day, month.end.day))


def refusal_of_ground(ground: GroundTerms | None, starts_on: date) -> str | None:
    """Say why somebody cannot take part on a ground from a day; None where they can."""
    if ground is None:
        return "unknownGround"
    return None if ground.holds_on(starts_on) else "groundNotInForce"


def refusal_of_stay(
    stays: Sequence[Stay], starts_on: date, ends_on: date | None, ground: GroundTerms | None, today: date
) -> str | None:
    """Say why a person with these products cannot begin another; None where they can."""
    refused = refusal_of_ground(ground, starts_on)
    if refused is not None:
        return refused
    if not first_start(today) <= starts_on <= last_start(today):
        return "startOutOfRange"
    if any(stay.counts and stay.overlaps(starts_on, ends_on) for stay in stays):
        return "otherProduct"
    return None


def moving(stays: Sequence[Stay], starts_on: date) -> Stay | None:
    """Give the product that a move on this day puts an end to: the one of the day before."""
    before = starts_on - _DAY
    return next((stay for stay in stays if stay.counts and stay.covers(before)), None)


def refusal_of_move(
    stays: Sequence[Stay], product: Product, starts_on: date, ground: GroundTerms | None, today: date
) -> str | None:
    """Say why a person cannot move to a product at the turn of a month; None where they can.

    The move takes the end of the product before along: it changes what somebody has, not for how long.
    """
    if starts_on.day != 1 or starts_on < today or starts_on > last_start(today):
        return "notAtMonthEnd"
    moved = moving(stays, starts_on)
    if moved is None or not (moved.ends_on is None or moved.ends_on >= starts_on):
        return "noProductThen"
    if moved.state == "requested":
        return "notChecked"
    if moved.product == product:
        return "sameProduct"
    if any(stay.counts and stay.id != moved.id and stay.overlaps(starts_on, moved.ends_on) for stay in stays):
        return "otherProduct"
    return refusal_of_ground(ground, starts_on)


def refusal_of_end(stays: Sequence[Stay], until: date, today: date) -> str | None:
    """Say why the product of today, or the next one, cannot end on a day; None where it can."""
    ending = shown(stays, today)
    if ending is None:
        return "noProductThen"
    if ending.state == "requested":
        return "notChecked"
    if until < max(today, ending.starts_on):
        return "endInPast"
    if any(stay.counts and stay.starts_on > ending.starts_on for stay in stays):
        return "plannedLater"
    if ending.ends_on is not None and until > ending.ends_on:
        return "endsEarlier"
    return None


def withdrawable(stays: Sequence[Stay], today: date) -> Stay | None:
    """Give what can still be taken back: what nobody checked yet, or what has not begun; the last first."""
    open_ = [stay for stay in stays if stay.counts and (stay.state == "requested" or stay.starts_on > today)]
    return max(open_, key=lambda stay: stay.starts_on, default=None)
