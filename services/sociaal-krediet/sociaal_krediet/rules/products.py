"""The loan products, each with its legal basis for as long as that is in force (SK-11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of loan, and the law it rests on between two days, both included; `until` None is no end."""

    code: str
    legal_basis: str
    start: date
    until: date | None
    source: str

    def covers(self, day: date) -> bool:
        """Tell whether a loan of this kind may be opened on a day."""
        return self.start <= day and (self.until is None or day <= self.until)


def in_force(products: Iterable[Product], day: date) -> tuple[Product, ...]:
    """Give the products with a legal basis on a day."""
    return tuple(product for product in products if product.covers(day))


def product_on(products: Iterable[Product], code: str, day: date) -> Product | None:
    """Give the product of this code with the legal basis it has on a day; without one it cannot be opened (SK-11)."""
    return next((product for product in in_force(products, day) if product.code == code), None)
