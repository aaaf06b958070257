"""What can be done in the ledger.

`posting` is for everybody in the wallet, `proposals` for people, `spending` for services, `reading` for who may look.
"""

from __future__ import annotations

from wallet.ledger.actions.posting import (
    expire_holds,
    open_account,
    open_day,
    open_fund_account,
    open_holds,
    open_loan,
    post,
    register_owners,
    release_holds,
)
from wallet.ledger.postings import HoldRequest, Posted, Transfer

__all__ = [
    "HoldRequest",
    "Posted",
    "Transfer",
    "expire_holds",
    "open_account",
    "open_day",
    "open_fund_account",
    "open_holds",
    "open_loan",
    "post",
    "register_owners",
    "release_holds",
]
