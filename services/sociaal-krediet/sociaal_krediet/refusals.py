"""Every way in which sociaal krediet says no."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound


class UnknownApplication(NotFound):
    code = "unknownApplication"

    def __init__(self) -> None:
        super().__init__("Deze aanvraag is er niet, of is niet van u.")


class UnknownLoan(NotFound):
    code = "unknownLoan"

    def __init__(self) -> None:
        super().__init__("Deze lening is er niet, of is niet van u.")


class UnknownGift(NotFound):
    code = "unknownGift"

    def __init__(self) -> None:
        super().__init__("Deze gift is er niet, of is niet van u.")


class UnknownProposal(NotFound):
    code = "unknownProposal"

    def __init__(self) -> None:
        super().__init__("Dit voorstel is er niet bij deze lening.")


class UnknownTask(NotFound):
    code = "unknownTask"

    def __init__(self) -> None:
        super().__init__("Deze taak is er niet, of is niet voor u.")


class OverCap(Conflict):
    """The loan or gift goes above what a household may have outstanding (SK-1)."""

    code = "overCap"


class TermsRefused(Conflict):
    """The amount and the months make no schedule (SK-2, SK-3); the code says which."""


class Incomplete(Conflict):
    """Something that a decision needs is not there (SK-6, SK-8); the code says what."""


class UnknownHolder(Conflict):
    """Somebody in the household is not registered with the wallet."""

    code = "unknownHolder"


class Involved(Forbidden):
    """Who applies, who decides and who is helped are different people (SK-6)."""

    code = "involved"


class NotSubmitted(Conflict):
    code = "notSubmitted"


class ProductRefused(Conflict):
    """The loan product is not known or has no legal basis in force (SK-11)."""


class ChangeRefused(Conflict):
    """A change of a loan that its rules do not allow; the code says which."""


class SameSubject(Forbidden):
    code = "sameSubject"


class AlreadyDecided(Conflict):
    code = "alreadyDecided"


class NotSettled(Conflict):
    code = "notSettled"


class CreditorRefused(BadRequest):
    """The wallet takes a creditor's account not; the code is the wallet's."""


class NoCollecting(Conflict):
    """Stripe is not set up for this municipality."""

    code = "noCollecting"


class MandateThere(Conflict):
    code = "mandateThere"


class StripeRefused(Conflict):
    """Stripe said no; the code is Stripe's."""

    code = "stripeRefused"


class TestEvent(BadRequest):
    """Stripe's test mode spoke to a house that moves real money."""

    code = "testEvent"
