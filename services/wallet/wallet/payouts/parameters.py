"""The dated parameters of payouts, read from the file beside their rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from foundation.money import Cents
from foundation.parameters import Dated, parameters_of
from wallet.payouts.rules import PayoutPolicy


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter of payouts; a field's name is its table in `parameters.toml`."""

    second_approval: Dated[Cents]


PARAMETERS = parameters_of(files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8"), Parameters)


def policy_on(day: date) -> PayoutPolicy:
    """Give what holds for payouts on a day; raises `NoParameter`."""
    return PayoutPolicy(second_approval_above=PARAMETERS.second_approval.on(day))
