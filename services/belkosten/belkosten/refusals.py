"""Every way in which belkosten says no."""

from __future__ import annotations

from foundation.refusals import BadRequest, Conflict, Forbidden, NotFound


class UnknownParticipant(NotFound):
    code = "unknownParticipant"

    def __init__(self) -> None:
        super().__init__("Deze deelnemer is er niet, of is niet van u.")


class UnknownHolder(Conflict):
    """Nobody is registered with the wallet under that id."""

    code = "unknownHolder"


class GroundThere(Conflict):
    code = "groundThere"


class ProductRefused(Conflict):
    """A product cannot begin, end, be checked or taken back like that; the code says why."""


class SameSubject(Forbidden):
    code = "sameSubject"


class ProviderThere(Conflict):
    code = "providerThere"


class IbanRefused(BadRequest):
    """The wallet does not take a provider's account; the code is the wallet's."""


class NotASeller(Forbidden):
    code = "notASeller"


class UnknownPurchase(NotFound):
    code = "unknownPurchase"

    def __init__(self) -> None:
        super().__init__("Deze aankoop is er niet, of is niet van u.")


class PurchaseRefused(Conflict):
    """Somebody's purse cannot pay this; the code says why."""


class PurchaseIdReused(Conflict):
    code = "purchaseIdReused"


class UnknownPlace(NotFound):
    code = "unknownPlace"

    def __init__(self) -> None:
        super().__init__("Deze plaats om te bellen is er niet.")


class PlaceRefused(Conflict):
    """Opening hours or an end that cannot be; the code says which."""


class UnknownInvoice(NotFound):
    code = "unknownInvoice"

    def __init__(self) -> None:
        super().__init__("Deze factuur is niet bekend.")


class InvoiceKnown(Conflict):
    """The very same bill was taken in before."""

    code = "invoiceKnown"


class ProviderMissing(BadRequest):
    """Whose bill it is cannot be told, and was not said."""

    code = "providerMissing"


class UnknownProvider(Conflict):
    """Nobody of that name ever sent call records or is registered."""

    code = "unknownProvider"


class UnknownNumber(NotFound):
    code = "unknownNumber"

    def __init__(self) -> None:
        super().__init__("Deze regel van de nummerlijst is er niet.")


class NumberRefused(Conflict):
    """A number cannot come on the list, or end, like that; the code says why."""


class NoProvider(Forbidden):
    code = "noOrganisation"

    def __init__(self) -> None:
        super().__init__("Uw token noemt geen organisatie. Vraag een token aan namens uw bedrijf.")


class CallIdReused(Conflict):
    code = "callIdReused"

    def __init__(self) -> None:
        super().__init__(
            "Dit callId hoort bij een ander gesprek. Geef elk gesprek een eigen callId.", pointer="/callId"
        )


class UnknownBatch(NotFound):
    code = "unknownBatch"

    def __init__(self) -> None:
        super().__init__("Dit bestand is er niet, of is niet van u.")
