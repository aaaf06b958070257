"""What the gateway itself says no to, beside what the services say."""

from __future__ import annotations

from foundation.refusals import Refusal


class ServiceDown(Refusal):
    """Nothing listens there, or it takes no more: it did not get the request."""

    status = 503
    code = "serviceDown"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"De dienst {service} is nu niet bereikbaar. Probeer het zo opnieuw.",
            headers={"Retry-After": "2"},
        )


class ServiceBroke(Refusal):
    """The connection broke: whether it did the work is not known, so the same idempotency key must be used again."""

    status = 502
    code = "serviceBroke"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"De dienst {service} gaf geen goed antwoord. Probeer het zo opnieuw, met dezelfde Idempotency-Key.",
            headers={"Retry-After": "2"},
        )


class ServiceSlow(Refusal):
    """It did not answer in time: whether it did the work is not known."""

    status = 504
    code = "serviceSlow"

    def __init__(self, service: str) -> None:
        super().__init__(
            f"De dienst {service} antwoordt te laat. Probeer het zo opnieuw, met dezelfde Idempotency-Key.",
            headers={"Retry-After": "5"},
        )


class ClientSlow(Refusal):
    """The sender of an upload stopped sending."""

    status = 408
    code = "clientSlow"


class ForeignForm(Refusal):
    """A form that was not sent from a page of ours."""

    status = 403
    code = "foreignForm"
