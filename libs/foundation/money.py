"""Money as whole euro cents: exact, never a float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NewType

Cents = NewType("Cents", int)
"""An amount in whole euro cents."""

ZERO = Cents(0)


def half_up(amount: Decimal) -> int:
    """Round to a whole number, halves away from zero (how every scheme rounds to the cent)."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def cents_of(euros_amount: Decimal | str) -> Cents:
    """Turn an exact amount in euros into cents; raises `ValueError` when it is not a whole number of cents."""
    try:
        amount = Decimal(euros_amount) * 100
    except InvalidOperation as error:
        raise ValueError(f"{euros_amount!r} is not an amount in euros") from error
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise ValueError(f"{euros_amount} is not a whole number of cents")
    return Cents(int(amount))


def euros(amount: int) -> str:
    """Write cents the Dutch way, with dots for thousands: 123456 is `1.234,56`."""
    sign = "-" if amount < 0 else ""
    whole, cents = divmod(abs(amount), 100)
    return f"{sign}{whole:,}".replace(",", ".") + f",{cents:02d}"
