"""Every way in which the payees say no."""

from __future__ import annotations

from foundation.refusals import Conflict, Forbidden, NotFound


class PayeeNotFound(NotFound):
    code = "unknownPayee"

    def __init__(self) -> None:
        super().__init__("Deze begunstigde is er niet, of is niet van uw dienst.")


class PayeeIdReused(Conflict):
    code = "payeeIdReused"


class NobodyNamed(Forbidden):
    code = "nobodyNamed"
