"""The four ways to keep people reachable, side by side: what each costs for so many people."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from belkosten.rules.tariffs import Tariff, whole_minutes_for
from foundation.money import Cents

TEN_EURO = Cents(1_000)
MONTHS = 12
_PER_CENT = 100
"""Ten-thousandths of a euro, in which tariffs are written, that make one cent."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What the source says of the four ways; what it says nothing of is not here."""

    belapp_yearly: Cents
    """What the `belapp` costs a year for `belapp_users` people."""
    belapp_users: int
    belapp_one_off: Cents
    """What it costs to begin, however many people take part."""
    sim_monthly: Cents
    tariff: Tariff
    """What a minute of call credit costs."""


@dataclass(frozen=True, slots=True)
class Option:
    """What one way costs in cents, rounded half-up once each; None where the source gives no figure."""

    product: str
    one_off: Cents | None = None
    yearly: Cents | None = None
    per_user_year: Cents | None = None
    one_off_per_user: Cents | None = None
    first_year_per_user: Cents | None = None
    minutes_for_ten_euro: int | None = None


def compare(users: int, minutes_per_user_month: int | None, prices: Prices) -> list[Option]:
    """Give the four ways for so many users; call credit has no yearly figure where the minutes are not known."""
    assert users >= 1, f"{users} users cost nothing to compare"
    return [
        _belapp(users, prices),
        Option("toestel"),
        _yearly("sim-only", users, Fraction(prices.sim_monthly * MONTHS)),
        _prepaid(users, minutes_per_user_month, prices),
    ]


def _belapp(users: int, prices: Prices) -> Option:
    per_user = Fraction(prices.belapp_yearly, prices.belapp_users)
    one_off_per_user = Fraction(prices.belapp_one_off, users)
    return Option(
        "belapp",
        one_off=prices.belapp_one_off,
        yearly=_half_up(per_user * users),
        per_user_year=_half_up(per_user),
        one_off_per_user=_half_up(one_off_per_user),
        # Of the exact amounts: the two rounded ones together may be a cent off.
        first_year_per_user=_half_up(per_user + one_off_per_user),
    )


def _prepaid(users: int, minutes_per_user_month: int | None, prices: Prices) -> Option:
    bought = whole_minutes_for(TEN_EURO, prices.tariff)
    if minutes_per_user_month is None:
        return Option("prepaid", minutes_for_ten_euro=bought)
    per_user = Fraction(minutes_per_user_month * prices.tariff * MONTHS, _PER_CENT)
    return _yearly("prepaid", users, per_user, bought)


def _yearly(product: str, users: int, per_user: Fraction, minutes_for_ten_euro: int | None = None) -> Option:
    return Option(
        product,
        yearly=_half_up(per_user * users),
        per_user_year=_half_up(per_user),
        minutes_for_ten_euro=minutes_for_ten_euro,
    )


def _half_up(amount: Fraction) -> Cents:
    """Round an amount of 0 or more to whole cents."""
    return Cents((2 * amount.numerator + amount.denominator) // (2 * amount.denominator))
