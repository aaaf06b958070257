"""The dated amounts, terms and products of sociaal krediet, read from `parameters.toml`.

A date that no known period covers is refused (`NoParameter`), never guessed.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Any

from foundation.money import Cents
from foundation.parameters import Dated, ParameterFileError, read_parameters
from sociaal_krediet.rules.arrears import ArrearsPolicy
from sociaal_krediet.rules.caps import CapPolicy
from sociaal_krediet.rules.products import Product


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every amount and term; a field's name is its table in `parameters.toml`."""

    cap_single: Dated[Cents]
    cap_household: Dated[Cents]
    most_months: Dated[int]
    message_after_days: Dated[int]
    helper_task_after_days: Dated[int]
    officer_task_after_days: Dated[int]
    objection_weeks: Dated[int]


@dataclass(frozen=True, slots=True)
class LendingPolicy:
    """What the rules need to know about one day."""

    caps: CapPolicy
    arrears: ArrearsPolicy
    most_months: int
    objection_weeks: int


def parameters_of(text: str) -> tuple[Parameters, tuple[Product, ...]]:
    """Read the content of a parameter file; raises `ParameterFileError` when it contradicts itself."""
    tables = tomllib.loads(text)
    products = tuple(_product(row) for row in tables.pop("products", []))
    if not products:
        raise ParameterFileError("the file has no products")
    return read_parameters(tables, Parameters), products


def _product(row: dict[str, Any]) -> Product:
    product = Product(row["code"], row["legal_basis"], row["from"], row.get("until"), row["source"])
    if product.until is not None and product.until < product.start:
        raise ParameterFileError(f"product {product.code} from {product.start} ends before it begins")
    return product


PARAMETERS, PRODUCTS = parameters_of(
    resources.files(__package__).joinpath("parameters.toml").read_text(encoding="utf-8")
)


@lru_cache(maxsize=512)
def policy_on(day: date) -> LendingPolicy:
    """Give the policy in force on a day; raises `NoParameter` naming what is not known then."""
    return LendingPolicy(
        caps=CapPolicy(PARAMETERS.cap_single.on(day), PARAMETERS.cap_household.on(day)),
        arrears=ArrearsPolicy(
            PARAMETERS.message_after_days.on(day),
            PARAMETERS.helper_task_after_days.on(day),
            PARAMETERS.officer_task_after_days.on(day),
        ),
        most_months=PARAMETERS.most_months.on(day),
        objection_weeks=PARAMETERS.objection_weeks.on(day),
    )
