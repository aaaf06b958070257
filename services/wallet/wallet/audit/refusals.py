"""Every way in which the audit says no."""

from __future__ import annotations

from foundation.refusals import Conflict, NotFound
from wallet.ledger.refusals import BlockNotThere

__all__ = ["BlockNotFound", "BlockNotThere", "NotSealedYet", "PartOfMonth", "SealBroken", "TransferNotFound"]


class BlockNotFound(NotFound):
    code = "blockNotFound"

    def __init__(self, number: int) -> None:
        super().__init__(f"Blok {number} is er niet.")


class TransferNotFound(NotFound):
    code = "transferNotFound"

    def __init__(self) -> None:
        super().__init__("Deze overboeking is er niet.")


class NotSealedYet(Conflict):
    code = "notSealed"

    def __init__(self) -> None:
        super().__init__("Deze overboeking is nog niet verzegeld. Probeer het over een paar seconden opnieuw.")


class SealBroken(Conflict):
    code = "sealBroken"

    def __init__(self) -> None:
        super().__init__("Deze overboeking is niet meer zoals zij werd verzegeld. Laat het grootboek controleren.")


class PartOfMonth(Conflict):
    """Under this block a month that is shown in total was not complete."""

    code = "partOfMonth"

    def __init__(self) -> None:
        super().__init__(
            "Gesprekken tonen we per hele maand, en na dit blok kwamen er nog bij. Vraag het afschrift zonder asOfBlock.",
            pointer="asOfBlock",
        )
