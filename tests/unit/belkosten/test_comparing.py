from __future__ import annotations

from datetime import date

import pytest

from belkosten.parameters import prices_on
from belkosten.rules.comparing import Option, compare
from foundation.money import Cents

PRICES = prices_on(date(2026, 10, 1))


def options(users: int, minutes: int | None = None) -> dict[str, Option]:
    return {one.product: one for one in compare(users, minutes, PRICES)}


def test_the_belapp_for_700_people_costs_what_the_source_says() -> None:
    assert options(700)["belapp"] == Option(
        "belapp",
        one_off=Cents(750_000),
        yearly=Cents(1_090_000),
        per_user_year=Cents(1557),
        one_off_per_user=Cents(1071),
        # 18,400 / 700 = 26.2857…; 15.57 and 10.71 together would be 26.28.
        first_year_per_user=Cents(2629),
    )


def test_a_sim_card_costs_120_a_year_and_84_000_for_700_people() -> None:
    assert options(700)["sim-only"] == Option("sim-only", yearly=Cents(8_400_000), per_user_year=Cents(12_000))


def test_ten_euro_of_call_credit_is_43_minutes_and_a_year_is_not_known_without_minutes() -> None:
    assert options(700)["prepaid"] == Option("prepaid", minutes_for_ten_euro=43)


def test_call_credit_is_minutes_times_23_cents_times_twelve() -> None:
    # 90 × 0.23 × 12 = 248.40; for 700 people 173,880.00.
    assert options(700, 90)["prepaid"] == Option(
        "prepaid", yearly=Cents(17_388_000), per_user_year=Cents(24_840), minutes_for_ten_euro=43
    )
    assert options(700, 0)["prepaid"].yearly == 0


def test_the_source_has_no_figure_for_a_telephone_in_a_community_centre() -> None:
    assert options(700, 90)["toestel"] == Option("toestel")


def test_the_four_ways_come_in_the_order_of_the_rules() -> None:
    assert [one.product for one in compare(1, None, PRICES)] == ["belapp", "toestel", "sim-only", "prepaid"]


@pytest.mark.parametrize(
    ("users", "yearly", "one_off_per_user", "first_year"),
    [
        # 10,900 / 700 = 15.571428…
        (1, 1557, 750_000, 751_557),
        # 2 users: 31.142857; 3,750.00; 3,765.571428
        (2, 3114, 375_000, 376_557),
        # 350 users: 5,450.00; 21.428571; 37.00 exactly
        (350, 545_000, 2143, 3700),
    ],
)
def test_the_belapp_grows_with_the_users_and_its_one_off_does_not(
    users: int, yearly: int, one_off_per_user: int, first_year: int
) -> None:
    belapp = options(users)["belapp"]
    assert (belapp.yearly, belapp.one_off) == (yearly, 750_000)
    assert (belapp.one_off_per_user, belapp.first_year_per_user) == (one_off_per_user, first_year)


def test_half_a_cent_is_rounded_up() -> None:
    # 750,000 cents over 16 people is 46,875 exactly, over 32 it is 23,437.5.
    assert options(16)["belapp"].one_off_per_user == 46_875
    assert options(32)["belapp"].one_off_per_user == 23_438
