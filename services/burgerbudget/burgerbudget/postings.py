"""What the decisions of the burgerbudget mean in the ledger: one transfer each, or none where nothing moves.

Money only ever goes from the fund to a participant, or between the participant's own purses (BB-8). A grant
key names the decision, so that the wallet posts it once whatever is repeated (BB-10); references hold ids
only.
"""

from __future__ import annotations

from foundation.money import Cents
from foundation.periods import Quarter
from wallet_contract.accounts import fund, purse
from wallet_contract.messages import TransferLine

FUND = "burgerbudget"
BUDGET_PURSE = "burgerbudget"
FREE_PURSE = "vrij"
ASSET = "EUR"


def start_key(participant: str) -> str:
    """Name a start amount: once in a lifetime (BB-1)."""
    return f"start/{participant}"


def use_key(source_id: str, participant: str, quarter: Quarter) -> str:
    """Name a use: once for each import or hour row, participant and quarter."""
    return f"use/{source_id}/{participant}/{quarter}"


def top_up_key(participant: str, quarter: Quarter) -> str:
    """Name a top-up: once for each participant and quarter (BB-10)."""
    return f"top-up/{participant}/{quarter}"


def start(participant: str, holder_id: str, amount: Cents) -> TransferLine:
    """Credit the start amount, once in a lifetime (BB-1)."""
    return TransferLine(
        source=fund(FUND),
        destination=purse(holder_id, BUDGET_PURSE),
        amount=amount,
        asset=ASSET,
        grant_key=start_key(participant),
        reference=f"participant/{participant}",
        explanation="burgerbudget.start",
    )


def use_of_import(
    import_id: str, participant: str, holder_id: str, quarter: Quarter, moved: Cents
) -> TransferLine | None:
    """Move what all of a participant's hours in one import and one quarter are worth (BB-3)."""
    return _use(import_id, f"import/{import_id}/{quarter}", participant, holder_id, quarter, moved)


def use_of_hour(hour_id: str, participant: str, holder_id: str, quarter: Quarter, moved: Cents) -> TransferLine | None:
    """Move what one hour row, or one correction upwards, is worth (BB-3)."""
    return _use(hour_id, f"hour/{hour_id}", participant, holder_id, quarter, moved)


def top_up(participant: str, holder_id: str, quarter: Quarter, amount: Cents) -> TransferLine | None:
    """Top the budget up for a sufficient quarter, at its close or when late hours made it so (BB-4, BB-9)."""
    if amount == 0:
        return None
    return TransferLine(
        source=fund(FUND),
        destination=purse(holder_id, BUDGET_PURSE),
        amount=amount,
        asset=ASSET,
        grant_key=top_up_key(participant, quarter),
        reference=f"quarter/{quarter}",
        explanation="burgerbudget.top-up",
    )


def _use(
    source_id: str, reference: str, participant: str, holder_id: str, quarter: Quarter, moved: Cents
) -> TransferLine | None:
    if moved == 0:
        return None
    return TransferLine(
        source=purse(holder_id, BUDGET_PURSE),
        destination=purse(holder_id, FREE_PURSE),
        amount=moved,
        asset=ASSET,
        grant_key=use_key(source_id, participant, quarter),
        reference=reference,
        explanation="burgerbudget.use",
    )
