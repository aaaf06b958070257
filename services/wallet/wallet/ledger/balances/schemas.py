"""What goes out of balances over HTTP."""

from __future__ import annotations

from foundation.schemas import ApiOut


class BalanceOut(ApiOut):
    """What stands on one account; `available` is null where there is no floor.

    On what is not opened yet stands 0; its `asset` is that of the purse that it will be, and null where there is none.
    """

    account: str
    asset: str | None
    balance: int
    held: int
    available: int | None


class BalancesOut(ApiOut):
    """In the order in which the accounts were asked, each as often as it was."""

    items: list[BalanceOut]
