"""The dated parameters of payouts, read once from the file beside their rules."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from wallet.holders.parameters import period_on
from wallet.payouts.rules import PayoutPolicy


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    return tomllib.loads(files("wallet.payouts").joinpath("parameters.toml").read_text(encoding="utf-8"))


def policy_on(day: date) -> PayoutPolicy:
    """Give what holds for payouts on a day; raises `NoParameters`."""
    return PayoutPolicy(second_approval_above=period_on(_content()["second_approval"], "second_approval", day)["above"])
