"""The dated parameters of holders and payouts, read once from the files beside their rules."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from wallet.holders.rules import HolderPolicy


class NoParameters(Exception):
    """No period of a parameter covers a day: the municipality must set one first, nothing is guessed."""


def period_on(periods: Sequence[Mapping[str, Any]], name: str, day: date) -> Mapping[str, Any]:
    """Give the period of a dated parameter that covers a day; raises `NoParameters`."""
    for period in periods:
        if period["from"] <= day <= period["until"]:
            return period
    raise NoParameters(f"Parameter {name} has no period that covers {day}.")


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    return tomllib.loads(files("wallet.holders").joinpath("parameters.toml").read_text(encoding="utf-8"))


def policy_on(day: date) -> HolderPolicy:
    """Give what holds for holders on a day."""
    return HolderPolicy(cooling_off_days=period_on(_content()["cooling_off"], "cooling_off", day)["days"])
