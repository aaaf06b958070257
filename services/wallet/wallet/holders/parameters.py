"""The dated parameters of holders, read from the file beside their rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.resources import files

from foundation.parameters import Dated, parameters_of
from wallet.holders.rules import HolderPolicy


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every parameter of holders; a field's name is its table in `parameters.toml`."""

    cooling_off: Dated[int]


PARAMETERS = parameters_of(files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8"), Parameters)


def policy_on(day: date) -> HolderPolicy:
    """Give what holds for holders on a day; raises `NoParameter`."""
    return HolderPolicy(cooling_off_days=PARAMETERS.cooling_off.on(day))
