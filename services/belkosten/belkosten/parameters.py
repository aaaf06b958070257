"""The dated amounts, tariffs and terms of belkosten, read from `parameters.toml`.

A date that no known period covers is refused (`NoParameter`), never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from importlib import resources

from belkosten.rules.comparing import Prices
from belkosten.rules.tariffs import Tariff
from foundation.money import Cents
from foundation.parameters import Dated, parameters_of


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every amount and term; a field's name is its table in `parameters.toml`. A credit of None has no limit."""

    belapp_credit: Dated[Cents | None]
    prepaid_credit: Dated[Cents | None]
    sim_fee: Dated[Cents]
    tariff: Dated[Tariff]
    longest_call_minutes: Dated[int]
    record_within_hours: Dated[int]
    fewest_people: Dated[int]
    objection_weeks: Dated[int]
    belapp_yearly: Dated[Cents]
    belapp_yearly_users: Dated[int]
    belapp_one_off: Dated[Cents]


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """What the rules need to know about one day on which a call is made."""

    tariff: Tariff
    longest_s: int
    """The most seconds that one call may last."""
    record_within: timedelta
    """How long after the longest call its record is waited for."""
    credit: Cents | None
    """The monthly credit of the `belapp`; None: calls are paid out of the fund."""


PARAMETERS = parameters_of(
    resources.files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8"), Parameters
)


@lru_cache(maxsize=512)
def call_policy_on(day: date) -> CallPolicy:
    """Give the policy in force on a day; raises `NoParameter` naming what is not known then."""
    return CallPolicy(
        tariff=PARAMETERS.tariff.on(day),
        longest_s=PARAMETERS.longest_call_minutes.on(day) * 60,
        record_within=timedelta(hours=PARAMETERS.record_within_hours.on(day)),
        credit=PARAMETERS.belapp_credit.on(day),
    )


def prices_on(day: date) -> Prices:
    """Give what the four ways cost according to their sources in force on a day; raises `NoParameter`."""
    return Prices(
        belapp_yearly=PARAMETERS.belapp_yearly.on(day),
        belapp_users=PARAMETERS.belapp_yearly_users.on(day),
        belapp_one_off=PARAMETERS.belapp_one_off.on(day),
        sim_monthly=PARAMETERS.sim_fee.on(day),
        tariff=PARAMETERS.tariff.on(day),
    )
