"""Why the ledger says no. The words come from the functions that know the figures; the classes are for callers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import psycopg
from sqlalchemy.exc import DBAPIError

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound, Problem, Refusal

_TOLD = ("available", "left", "receivable", "firstOpenDay", "month")
"""What of the details a caller is told as a field beside the sentence, to act on."""


class LedgerRefusal(Refusal):
    """What a posting or a hold was refused for, with what the ledger knew at that moment.

    `index` counts from 0 in the list that was asked; amounts are in the smallest unit of the account's asset.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None, *, pointer: str = "") -> None:
        details = details or {}
        told = {key: details[key] for key in _TOLD if key in details}
        super().__init__(message, errors=[Problem(pointer, type(self).code, message, told)])
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


class HoldOnOtherAccount(LedgerRefusal, Conflict):
    code = "holdOnOtherAccount"


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


class NotClaimable(LedgerRefusal, Conflict):
    code = "notClaimable"


class PeriodClosed(LedgerRefusal, Conflict):
    """`details["firstOpenDay"]` is the first day on which may be posted."""

    code = "periodClosed"


class ClosedAlready(LedgerRefusal, Conflict):
    code = "closedAlready"


class MonthNotEnded(LedgerRefusal, Conflict):
    code = "monthNotEnded"


class EarlierMonthOpen(LedgerRefusal, Conflict):
    code = "earlierMonthOpen"


class NotSealed(LedgerRefusal, Conflict):
    code = "notSealed"


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
            HoldOnOtherAccount,
            HoldTooSmall,
            HoldExists,
            UnknownHold,
            SumOutOfRange,
            OtherTerms,
            FundExists,
            NotEmpty,
            NotClaimable,
            PeriodClosed,
            ClosedAlready,
            MonthNotEnded,
            EarlierMonthOpen,
            NotSealed,
        )
    },
}


def refusal_in(error: DBAPIError | psycopg.Error) -> LedgerRefusal | None:
    """Give the refusal that a function of the ledger raised, or None when the error is another."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    diag = getattr(cause, "diag", None)
    if state not in (_RULE, _MALFORMED) or diag is None:
        return None
    return _refusal(state, diag.message_primary, diag.message_detail)


def refusal_by_rule(code: str, detail: str) -> LedgerRefusal:
    """Give the refusal by a rule that a function of the ledger caught and handed over."""
    return _refusal(_RULE, code, detail)


def _refusal(state: str, code: str, detail: str) -> LedgerRefusal:
    details = json.loads(detail)
    return _BY_CODE[(state, code)](details["message"], details)


class OutsideScope(Forbidden):
    code = "outsideScope"


class KindNotAllowed(Forbidden):
    code = "kindNotAllowed"


class NotYourHold(Forbidden):
    code = "notYourHold"


class ExpiryPast(Conflict):
    code = "expiryPast"


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


class LoanByHand(Conflict):
    code = "loanByHand"

    def __init__(self, address: str) -> None:
        super().__init__(f"Rekening {address} hoort bij een lening: die wijzigt alleen via het sociaal krediet.")


class ReversedAlready(LedgerRefusal, Conflict):
    code = "reversedAlready"


class OverReversal(LedgerRefusal, Conflict):
    """`details["left"]` is what can still be taken back."""

    code = "overReversal"


class ReversalNotReversible(Conflict):
    code = "reversalNotReversible"

    def __init__(self) -> None:
        super().__init__("Een teruggedraaide boeking draait niemand terug. Maak een nieuwe overboeking.")


class PayoutNotReversible(Conflict):
    code = "payoutNotReversible"

    def __init__(self) -> None:
        super().__init__("Wat de bank uitbetaalde of ontving wordt alleen teruggedraaid door een bericht van de bank.")


class SeveralTransfers(Conflict):
    code = "severalTransfers"

    def __init__(self) -> None:
        super().__init__("Dit zijn meer overboekingen. Draai ze één voor één terug, elk met haar eigen nummer.")


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


class BlockNotThere(BadRequest):
    code = "blockNotFound"

    def __init__(self, number: int) -> None:
        super().__init__(f"Blok {number} is er (nog) niet; kies een blok dat er is.", pointer="asOfBlock")
