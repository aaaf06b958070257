"""The four ways to help: grounds, periods, one at a time, moves at a month's end (section 2)."""

from __future__ import annotations

from datetime import date
from itertools import count
from uuid import UUID

import pytest

from belkosten.rules.products import (
    GroundTerms,
    Product,
    Standing,
    Stay,
    StayState,
    first_start,
    last_start,
    latest,
    moving,
    refusal_of_end,
    refusal_of_move,
    refusal_of_stay,
    shown,
    standing,
    withdrawable,
)

TODAY = date(2026, 10, 14)
BIJSTAND = GroundTerms("bijstand", proves_itself=False, valid_from=date(2021, 1, 1), valid_until=None)
TOZO = GroundTerms("tozo", proves_itself=False, valid_from=date(2020, 3, 1), valid_until=date(2026, 10, 31))
_ids = count(1)


def stay(first: str, last: str | None = None, product: Product = "belapp", state: StayState = "confirmed") -> Stay:
    until = date.fromisoformat(last) if last else None
    return Stay(UUID(int=next(_ids)), product, "bijstand", date.fromisoformat(first), until, state)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (stay("2026-10-15"), "upcoming"),
        (stay("2026-10-14"), "active"),
        (stay("2026-10-01", "2026-10-14"), "active"),
        (stay("2026-10-01", "2026-10-13"), "ended"),
        (stay("2026-10-01", state="requested"), "requested"),
        (stay("2026-10-01", state="rejected"), "rejected"),
        (stay("2026-10-15", state="withdrawn"), "withdrawn"),
    ],
)
def test_a_product_stands_as_its_days_say(one: Stay, expected: Standing) -> None:
    assert standing(one, TODAY) == expected


def test_the_product_of_today_is_told_before_the_next_and_the_last_when_all_is_over() -> None:
    old, rejected = stay("2026-01-01", "2026-03-31"), stay("2026-05-01", state="rejected")
    now, planned = stay("2026-06-01", "2026-10-31"), stay("2026-11-01", product="prepaid")
    assert shown([old, rejected, now, planned], TODAY) == now
    assert shown([old, planned], TODAY) == planned
    assert shown([old, rejected], TODAY) is None
    assert latest([old, rejected], TODAY) == rejected
    assert latest([], TODAY) is None


def test_a_start_lies_between_the_first_of_last_month_and_a_year_ahead() -> None:
    assert (first_start(TODAY), last_start(TODAY)) == (date(2026, 9, 1), date(2027, 10, 14))
    assert (first_start(date(2026, 1, 31)), last_start(date(2028, 2, 29))) == (date(2025, 12, 1), date(2029, 2, 28))


@pytest.mark.parametrize(
    ("first", "last", "ground", "expected"),
    [
        ("2026-10-14", None, None, "unknownGround"),
        ("2026-11-01", None, TOZO, "groundNotInForce"),
        ("2026-10-31", None, TOZO, "otherProduct"),
        ("2026-08-31", None, BIJSTAND, "startOutOfRange"),
        ("2027-10-15", None, BIJSTAND, "startOutOfRange"),
        ("2026-09-01", "2026-09-30", BIJSTAND, None),
        ("2026-09-01", "2026-10-01", BIJSTAND, "otherProduct"),
        ("2026-11-01", None, BIJSTAND, None),
    ],
)
def test_a_product_begins_on_a_ground_in_force_and_beside_no_other(
    first: str, last: str | None, ground: GroundTerms | None, expected: str | None
) -> None:
    there = [stay("2026-10-01", "2026-10-31"), stay("2026-09-01", state="rejected")]
    until = date.fromisoformat(last) if last else None
    assert refusal_of_stay(there, date.fromisoformat(first), until, ground, TODAY) == expected


@pytest.mark.parametrize(
    ("there", "product", "first", "expected"),
    [
        ([stay("2026-09-01")], "prepaid", "2026-11-01", None),
        ([stay("2026-09-01")], "prepaid", "2026-10-01", "notAtMonthEnd"),
        ([stay("2026-09-01")], "prepaid", "2026-11-02", "notAtMonthEnd"),
        ([stay("2026-09-01")], "prepaid", "2027-11-01", "notAtMonthEnd"),
        ([stay("2026-09-01")], "belapp", "2026-11-01", "sameProduct"),
        ([stay("2026-09-01", state="requested")], "prepaid", "2026-11-01", "notChecked"),
        ([], "prepaid", "2026-11-01", "noProductThen"),
        ([stay("2026-09-01", "2026-10-31")], "prepaid", "2026-11-01", "noProductThen"),
        ([stay("2026-09-01", "2026-11-01")], "prepaid", "2026-11-01", None),
        ([stay("2026-09-01", "2026-12-31")], "prepaid", "2026-11-01", None),
        (
            [stay("2026-09-01", "2026-12-31"), stay("2027-01-01", product="toestel")],
            "prepaid",
            "2026-11-01",
            None,
        ),
    ],
)
def test_a_move_is_made_on_the_first_of_a_month_to_another_product(
    there: list[Stay], product: Product, first: str, expected: str | None
) -> None:
    assert refusal_of_move(there, product, date.fromisoformat(first), BIJSTAND, TODAY) == expected


def test_a_move_of_today_is_made_on_a_first_only() -> None:
    there = [stay("2026-09-01")]
    assert refusal_of_move(there, "prepaid", date(2026, 11, 1), BIJSTAND, date(2026, 11, 1)) is None
    assert refusal_of_move(there, "prepaid", date(2026, 11, 1), TOZO, date(2026, 11, 1)) == "groundNotInForce"
    # What began today has no day before on which it could end.
    assert moving([stay("2026-11-01")], date(2026, 11, 1)) is None


@pytest.mark.parametrize(
    ("there", "until", "expected"),
    [
        ([stay("2026-09-01")], "2026-10-14", None),
        ([stay("2026-09-01")], "2026-10-13", "endInPast"),
        ([stay("2026-11-01")], "2026-10-31", "endInPast"),
        ([stay("2026-11-01")], "2026-11-01", None),
        ([stay("2026-09-01", "2026-12-31")], "2026-11-30", None),
        ([stay("2026-09-01", "2026-10-31")], "2026-11-30", "endsEarlier"),
        ([stay("2026-09-01", "2026-10-31"), stay("2026-11-01")], "2026-10-20", "plannedLater"),
        ([stay("2026-09-01", state="requested")], "2026-10-20", "notChecked"),
        ([stay("2026-09-01", "2026-10-13")], "2026-10-20", "noProductThen"),
    ],
)
def test_what_ends_ends_today_or_later_and_before_nothing_planned(
    there: list[Stay], until: str, expected: str | None
) -> None:
    assert refusal_of_end(there, date.fromisoformat(until), TODAY) == expected


def test_what_has_not_begun_can_be_taken_back_the_last_first() -> None:
    now, planned = stay("2026-09-01", "2026-10-31"), stay("2026-11-01")
    assert withdrawable([now, planned], TODAY) == planned
    assert withdrawable([now], TODAY) is None
    requested = stay("2026-09-01", state="requested")
    assert withdrawable([requested], TODAY) == requested
