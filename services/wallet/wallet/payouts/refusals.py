"""Every way in which the payouts say no."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound, TooLarge, UnsupportedType


class PurseNotPayable(Conflict):
    code = "purseNotPayable"


class NoExecutionDay(Conflict):
    code = "noExecutionDay"


class HoldersUnknown(Conflict):
    code = "unknownHolder"


class PayeesUnknown(Conflict):
    code = "unknownPayee"


class BatchNotFound(NotFound):
    code = "unknownBatch"

    def __init__(self) -> None:
        super().__init__("Deze uitbetaling is er niet.")


class WrongState(Conflict):
    code = "wrongState"


class NothingToPay(Conflict):
    code = "nothingToPay"


class BalancesMoving(Conflict):
    code = "balancesMoving"


class NotTheMaker(Forbidden):
    code = "notTheMaker"


class OwnBatch(Forbidden):
    code = "ownBatch"


class OwnPayment(Forbidden):
    code = "ownPayment"


class OwnPayee(Forbidden):
    code = "ownPayee"


class WrongHash(Conflict):
    code = "wrongHash"


class ContentChanged(Conflict):
    code = "contentChanged"


class ApprovedAlready(Conflict):
    code = "approvedAlready"


class NotSent(Conflict):
    code = "notSent"


class BeingSent(Conflict):
    code = "beingSent"


class BeingWithdrawn(Conflict):
    code = "beingWithdrawn"


class MessageMalformed(BadRequest):
    code = "malformed"


class MessageTooLarge(TooLarge):
    code = "tooLarge"


class NotXml(UnsupportedType):
    code = "notXml"


class MessageNotFound(NotFound):
    code = "unknownMessage"


class NoStandInBank(NotFound):
    code = "noStandInBank"


class StandInRefused(Conflict):
    code = "standInRefused"
