"""What goes in for a reversal; what comes out is what comes out for every proposal."""

from __future__ import annotations

from foundation.schemas import Amount, ApiModel, LongLine


class ReversalIn(ApiModel):
    """`amount` is the whole that is left where it is absent.

    With `receivable` what is no longer there is owed by the owner of the purse, where its scheme allows that.
    """

    amount: Amount | None = None
    reason: LongLine
    receivable: bool = False
