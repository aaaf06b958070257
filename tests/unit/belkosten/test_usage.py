from __future__ import annotations

from belkosten.rules.usage import (
    Billed,
    Calls,
    Part,
    Place,
    ProductUse,
    Usage,
    cost_per_user,
    minutes_a_month,
    most_called,
    percentage,
    shown,
    shown_bill,
    take_up,
)
from foundation.money import Cents


def calls(people: int, cost: int = 100) -> Calls:
    return Calls(people, people * 2, people * 60, Cents(cost))


def usage(
    total: int = 40,
    participants: int = 50,
    categories: dict[str, int] | None = None,
    organisations: dict[tuple[str, str], int] | None = None,
    places: dict[str | None, tuple[int, int]] | None = None,
    products: tuple[ProductUse, ...] = (),
) -> Usage:
    return Usage(
        participants,
        calls(total),
        tuple(Part((name,), calls(people)) for name, people in (categories or {}).items()),
        tuple(Part(name, calls(people)) for name, people in (organisations or {}).items()),
        tuple(Place(name, living, calls(calling)) for name, (living, calling) in (places or {}).items()),
        products,
    )


def shown_people(parts: tuple[Part, ...]) -> dict[str | None, int | None]:
    return {part.name[-1]: None if part.calls is None else part.calls.people for part in parts}


def test_groningen_paid_25_to_50_cents_per_user_and_month() -> None:
    assert cost_per_user(Cents(50_000), 2_000) == 25
    assert cost_per_user(Cents(100_000), 2_000) == 50


def test_take_up_was_10_percent_in_groningen_26_2_in_zwolle_and_5_in_dordrecht() -> None:
    assert take_up(2_000, 20_000) == "10.0"
    assert take_up(1_700, 6_500) == "26.2"
    assert take_up(700, 4_500 + 9_600) == "5.0"


def test_amsterdam_called_15_120_minutes_a_month() -> None:
    assert minutes_a_month(168, 90) == 15_120


def test_a_percentage_is_rounded_half_up() -> None:
    # 0.05 % and 0.15 %: to 0.1 and 0.2, where rounding to even would give 0.0 and 0.2.
    assert (percentage(1, 2_000), percentage(3, 2_000), percentage(0, 7)) == ("0.1", "0.2", "0.0")


def test_a_month_with_nine_people_shows_no_figure_and_one_with_ten_does() -> None:
    nine = shown(usage(total=9, participants=9), 10)
    assert (nine.participants, nine.total) == (None, None)
    ten = shown(usage(total=10, participants=10), 10)
    assert (ten.participants, ten.total) == (10, calls(10))


def test_a_category_with_few_people_takes_the_smallest_other_with_it() -> None:
    seen = shown(usage(categories={"zorg": 30, "energie": 12, "incasso": 3, "overheid": 20}), 10)
    assert shown_people(seen.categories) == {"zorg": 30, "energie": None, "incasso": None, "overheid": 20}


def test_two_small_categories_together_may_be_the_same_few_people_so_another_goes_too() -> None:
    # Six and seven people, but perhaps seven in all: less what is shown, the total would tell what they called.
    seen = shown(usage(categories={"zorg": 30, "incasso": 6, "energie": 7}), 10)
    assert shown_people(seen.categories) == {"zorg": None, "incasso": None, "energie": None}


def test_people_live_in_one_place_so_two_small_ones_that_are_enough_together_hide_no_other() -> None:
    seen = shown(usage(places={"Krispijn": (30, 25), "Stadspolders": (8, 6), None: (12, 9)}), 10)
    assert [(place.participants, place.calls and place.calls.people) for place in seen.places] == [
        # Eight participants alone could be told from the total, so the twelve are hidden with them.
        (30, 25),
        (None, None),
        (None, None),
    ]
    assert shown(usage(places={"A": (8, 1), "B": (9, 1), "C": (33, 38)}), 10).places[2].participants == 33


def test_participants_of_a_neighbourhood_are_shown_where_few_of_them_called() -> None:
    seen = shown(usage(places={"Krispijn": (25, 20), "Sterrenburg": (15, 4), "Centrum": (20, 16)}), 10)
    assert [place.participants for place in seen.places] == [25, 15, 20]
    assert [place.calls and place.calls.people for place in seen.places] == [20, None, None]


def test_of_the_organisations_only_those_in_a_shown_category_that_give_nobody_away_are_left() -> None:
    organisations = {
        ("energie", "Stroom"): 12,
        ("incasso", "Debt"): 3,
        ("overheid", "SVB"): 15,
        ("overheid", "UWV"): 12,
        ("overheid", "DUO"): 2,
        ("zorg", "Huisarts"): 30,
    }
    categories = {"zorg": 30, "energie": 12, "incasso": 3, "overheid": 20}
    seen = shown(usage(categories=categories, organisations=organisations), 10)
    assert shown_people(seen.organisations) == {"SVB": 15, "Huisarts": 30}


def test_the_most_called_come_first_and_no_more_than_were_asked() -> None:
    organisations = {("zorg", f"Z{number}"): 10 + number for number in range(12)}
    found = most_called(shown(usage(categories={"zorg": 40}, organisations=organisations), 10), 10)
    assert [part.name[1] for part in found] == [f"Z{number}" for number in range(11, 1, -1)]


def test_a_product_shows_its_cost_only_where_enough_people_were_paid_for() -> None:
    products = (ProductUse("sim-only", 12, 12, Cents(12_000)), ProductUse("prepaid", 11, 4, Cents(4_000)))
    assert shown(usage(products=products), 10).products == (
        ProductUse("sim-only", 12, 12, Cents(12_000)),
        ProductUse("prepaid", 11, 4, None),
    )


def test_what_was_billed_is_shown_unless_it_or_what_is_left_is_about_few() -> None:
    assert shown_bill(Billed(Cents(900), 30, 0), calls(30), 10) == 900
    assert shown_bill(Billed(Cents(900), 30, 10), calls(30), 10) == 900
    assert shown_bill(Billed(Cents(900), 9, 21), calls(30), 10) is None
    assert shown_bill(Billed(Cents(900), 27, 3), calls(30), 10) is None
    assert shown_bill(Billed(Cents(900), 30, 0), None, 10) is None
