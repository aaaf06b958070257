"""What goes in and out of loans over HTTP."""

from __future__ import annotations

from uuid import UUID

from foundation.schemas import Amount, ApiModel, ApiOut


class LoanAccountIn(ApiModel):
    """A loan by the id that its scheme made; who borrows is not the ledger's to know.

    `principal` in cents is the most that can be owed under it.
    """

    loan: UUID
    principal: Amount


class LoanAccountOut(ApiOut):
    """Below 0 on this account is what is owed."""

    address: str
