"""Every way in which the holders say no."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, NotFound, Problem


class BsnMalformed(BadRequest):
    code = "bsnMalformed"


class IbanMalformed(BadRequest):
    code = "ibanMalformed"


class BirthDateInFuture(Conflict):
    code = "birthDateInFuture"


class BsnAlreadyRegistered(Conflict):
    code = "bsnAlreadyRegistered"


class IbanNotPayable(Conflict):
    code = "ibanNotPayable"


class AlreadyBlocked(Conflict):
    code = "alreadyBlocked"


class NotBlocked(Conflict):
    code = "notBlocked"


class IbanDecided(Conflict):
    code = "alreadyDecided"


class HolderNotFound(NotFound):
    code = "unknownHolder"

    def __init__(self) -> None:
        super().__init__("Deze pashouder is er niet, of is niet van u.")


class IbanNotFound(NotFound):
    code = "unknownIban"


# Never quotes what was sent: it is a BSN or an IBAN, or nearly one.
def bsn_malformed() -> BsnMalformed:
    text = "bsn is geen burgerservicenummer: 8 of 9 cijfers die aan de elfproef voldoen."
    return BsnMalformed(text, errors=[Problem("/bsn", BsnMalformed.code, text)])


def iban_malformed() -> IbanMalformed:
    text = "iban is geen IBAN: landcode, controlecijfers of lengte kloppen niet."
    return IbanMalformed(text, errors=[Problem("/iban", IbanMalformed.code, text)])
