"""Why a payment reference is not registered."""

from __future__ import annotations

from foundation.refusals import Conflict


class ReferenceTaken(Conflict):
    code = "referenceTaken"

    def __init__(self, reference: str) -> None:
        super().__init__(f"Kenmerk {reference} is al voor iets anders in gebruik.", pointer="/reference")
