"""Why the ledger says no. The words come from the functions that know the figures; the classes are for callers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

from sqlalchemy.exc import DBAPIError

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound, Refusal


class LedgerRefusal(Refusal):
    """What a posting or a hold was refused for, with what the ledger knew at that moment.

    `index` counts from 0 in the list that was asked; amounts are in the smallest unit of the account's asset.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None, *, pointer: str = "") -> None:
        super().__init__(message, pointer=pointer)
        details = details or {}
        self.details = dict(details)
        self.account: str | None = details.get("account")
        self.index: int | None = details.get("index")
        self.available: int | None = details.get("available")
        self.asked: int | None = details.get("asked")

    def in_list(self, name: str) -> Self:
        """Give the same refusal, pointing at the item of the request's list that it is about."""
        return self if self.index is None else type(self)(self.message, self.details, pointer=f"/{name}/{self.index}")


class TooLittle(LedgerRefusal, Conflict):
    code = "tooLittle"


class OverCeiling(LedgerRefusal, Conflict):
    code = "overCeiling"


class UnknownAccount(LedgerRefusal, Conflict):
    code = "unknownAccount"


class ClosedAccount(LedgerRefusal, Conflict):
    code = "closedAccount"


class SameAccount(LedgerRefusal, Conflict):
    code = "sameAccount"


class WrongAsset(LedgerRefusal, Conflict):
    code = "wrongAsset"


class GrantKeyUsed(LedgerRefusal, Conflict):
    code = "grantKeyUsed"


class HoldNotOpen(LedgerRefusal, Conflict):
    code = "holdNotOpen"


class HoldTooSmall(LedgerRefusal, Conflict):
    code = "holdTooSmall"


class HoldExists(LedgerRefusal, Conflict):
    code = "holdExists"


class UnknownHold(LedgerRefusal, NotFound):
    code = "unknownHold"


class SumOutOfRange(LedgerRefusal, Conflict):
    """The amounts are fine one by one, but no balance can hold them together."""

    code = "amountOutOfRange"


class AmountOutOfRange(LedgerRefusal, BadRequest):
    code = "amountOutOfRange"


class NoTransfers(LedgerRefusal, BadRequest):
    code = "noTransfers"


class TooManyTransfers(LedgerRefusal, BadRequest):
    code = "tooManyTransfers"


class Malformed(LedgerRefusal, BadRequest):
    code = "malformed"


class OtherTerms(LedgerRefusal, Conflict):
    code = "otherTerms"


class FundExists(LedgerRefusal, Conflict):
    code = "fundExists"


class NotEmpty(LedgerRefusal, Conflict):
    code = "notEmpty"


_RULE = "SB409"
_MALFORMED = "SB400"
_BY_CODE: dict[tuple[str, str], type[LedgerRefusal]] = {
    **{(_MALFORMED, kind.code): kind for kind in (AmountOutOfRange, NoTransfers, TooManyTransfers, Malformed)},
    **{
        (_RULE, kind.code): kind
        for kind in (
            TooLittle,
            OverCeiling,
            UnknownAccount,
            ClosedAccount,
            SameAccount,
            WrongAsset,
            GrantKeyUsed,
            HoldNotOpen,
            HoldTooSmall,
            HoldExists,
            UnknownHold,
            SumOutOfRange,
            OtherTerms,
            FundExists,
            NotEmpty,
        )
    },
}


def refusal_in(error: DBAPIError) -> LedgerRefusal | None:
    """Give the refusal that a function of the ledger raised, or None when the error is another."""
    state = getattr(error.orig, "sqlstate", None)
    diag = getattr(error.orig, "diag", None)
    if state not in (_RULE, _MALFORMED) or diag is None:
        return None
    details = json.loads(diag.message_detail)
    return _BY_CODE[(state, diag.message_primary)](details["message"], details)


class OutsideScope(Forbidden):
    code = "outsideScope"


class KindNotAllowed(Forbidden):
    code = "kindNotAllowed"


class NotYourHold(Forbidden):
    code = "notYourHold"


class HoldByHand(Forbidden):
    code = "holdByHand"


class SameSubject(Forbidden):
    code = "sameSubject"

    def __init__(self) -> None:
        super().__init__("Wie iets voorstelt mag er niet zelf over beslissen. Vraag een ander.")


class ReasonMissing(BadRequest):
    code = "reasonMissing"

    def __init__(self) -> None:
        super().__init__("Een overboeking met de hand heeft een reden nodig.", pointer="/reason")


class ProtectedPurse(Conflict):
    code = "protectedPurse"


class AlreadyDecided(Conflict):
    code = "alreadyDecided"


class ProposalNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("Dit voorstel is er niet.")


class TransferNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("Deze overboeking is er niet.")


class AccountNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("Deze rekening is er niet.")


class FundNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("Dit fonds is er niet.")
