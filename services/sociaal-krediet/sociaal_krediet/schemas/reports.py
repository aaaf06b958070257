"""The portfolio, held against the ledger. Amounts in cents."""

from __future__ import annotations

from typing import Literal

from foundation.schemas import ApiOut


class AgeOut(ApiOut):
    """Arrears of one age, by the oldest instalment of each loan that is late."""

    age: Literal["1-14", "15-30", "31-60", "61-90", ">90"]
    loans: int
    amount: int


class LedgerOut(ApiOut):
    """What the ledger says is lent, and how it differs from the loans: 0 once all that is on its way has arrived."""

    lent: int | None
    on_its_way: int
    difference: int | None


class PortfolioOut(ApiOut):
    """All loans together. Principal = repaid + outstanding + remitted + written off."""

    loans: int
    active: int
    principal: int
    outstanding: int
    repaid: int
    remitted: int
    written_off: int
    gifts: int
    given: int
    arrears: list[AgeOut]
    ledger: LedgerOut
