"""What Stripe tells us: verified on its raw bytes, and then only the few fields that we use (SK-12).

Nothing else of an event is kept: Stripe's objects hold names, addresses and parts of account numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foundation.money import Cents
from foundation.refusals import Refusal
from sociaal_krediet.rules.payments import PaymentEvent, PaymentEventKind

TOLERANCE_S = 300
SIGNATURE_HEADER = "Stripe-Signature"
_LONGEST = 255
_LARGEST = 10**12


class BadSignature(Refusal):
    """None of our secrets made this signature over these bytes."""

    status = 400
    code = "badSignature"

    def __init__(self) -> None:
        super().__init__("De handtekening onder dit bericht klopt niet; het is niet verwerkt.")


class StaleSignature(Refusal):
    """The signature is right, but older than five minutes: perhaps somebody sends again what they overheard."""

    status = 400
    code = "staleSignature"

    def __init__(self) -> None:
        super().__init__(
            f"De handtekening onder dit bericht is ouder dan {TOLERANCE_S} seconden; laat Stripe het opnieuw sturen."
        )


class MalformedEvent(Refusal):
    """The signature is right, but this is no event as Stripe describes it."""

    status = 400
    code = "malformedEvent"

    def __init__(self, where: str) -> None:
        super().__init__(
            f"Dit bericht is geen gebeurtenis van Stripe: {where} ontbreekt of is ongeldig.", pointer=where
        )


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """One event. Ids are Stripe's; `payment` and `loan` are our own, as we gave them along.

    `created` is the instant of the event, `object_created` that of the payment, dispute or refund it is about; `amount`
    is in the smallest unit of `currency`.
    """

    id: str
    type: str
    created: datetime
    livemode: bool
    object_kind: str
    object_created: datetime | None
    payment_intent: str | None
    charge: str | None
    refund: str | None
    dispute: str | None
    session: str | None
    setup_intent: str | None
    mandate: str | None
    customer: str | None
    payment_method: str | None
    amount: int | None
    amount_received: int | None
    currency: str | None
    status: str | None
    payment_status: str | None
    reason: str | None
    payment: str | None
    loan: str | None

    def payment_event(self) -> PaymentEvent | None:
        """Give what this says about a payment; `None` where it says nothing that counts."""
        kind = _meaning(self)
        amount = self.amount_received if kind is PaymentEventKind.SUCCEEDED else self.amount
        if kind is None:
            return None
        return PaymentEvent(
            id=self.id,
            kind=kind,
            at=self.created,
            amount=Cents(amount or 0),
            currency=self.currency or "",
            subject=self.dispute or self.refund,
            subject_at=self.object_created if self.dispute or self.refund else None,
            reason=self.reason,
        )


def read_event(raw: bytes, signature: str, secrets: Sequence[str]) -> StripeEvent:
    """Verify the signature with each secret (two are valid while one is being replaced) and read the event.

    Raises `BadSignature`, `StaleSignature` or `MalformedEvent`.
    """
    _verify(raw, signature, secrets)
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("/") from error
    return _event(content)


def _verify(raw: bytes, signature: str, secrets: Sequence[str]) -> None:
    # The SDK takes up to 0.6 s and 28 MiB to import: only a process that gets events pays for that.
    from stripe import SignatureVerificationError, WebhookSignature

    def made_by(secret: str, tolerance_s: int | None) -> bool:
        try:
            return bool(WebhookSignature.verify_header(raw, signature, secret, tolerance_s))
        except (SignatureVerificationError, UnicodeDecodeError):
            return False

    # The SDK compares texts in constant time, which it can for ASCII only.
    right = [secret for secret in secrets if signature.isascii() and made_by(secret, None)]
    if not right:
        raise BadSignature
    if not any(made_by(secret, TOLERANCE_S) for secret in right):
        raise StaleSignature


def _event(content: Any) -> StripeEvent:
    if not isinstance(content, dict) or content.get("object") != "event":
        raise MalformedEvent("/object")
    told = content.get("data")
    about = told.get("object") if isinstance(told, dict) else None
    if not isinstance(about, dict):
        raise MalformedEvent("/data/object")
    kind = _text(about, "object")
    own = {name: _text(about, "id") if kind == name else _id_in(about, name) for name in _IDS}
    metadata = about.get("metadata")
    ours: Mapping[str, Any] = metadata if isinstance(metadata, dict) else {}
    return StripeEvent(
        id=_needed(content, "id"),
        type=_needed(content, "type"),
        created=_instant(content) or _missing("/created"),
        livemode=content.get("livemode") is True,
        object_kind=kind or "",
        object_created=_instant(about),
        payment_intent=own["payment_intent"],
        charge=own["charge"] or _id_in(about, "latest_charge"),
        refund=own["refund"],
        dispute=own["dispute"],
        session=own["checkout.session"],
        setup_intent=own["setup_intent"],
        mandate=own["mandate"],
        customer=own["customer"],
        payment_method=own["payment_method"],
        amount=_amount(about, "amount") if "amount" in about else _amount(about, "amount_total"),
        amount_received=_amount(about, "amount_received"),
        currency=_text(about, "currency"),
        status=_text(about, "status"),
        payment_status=_text(about, "payment_status"),
        reason=_reason(about),
        payment=_text(ours, "payment"),
        loan=_text(ours, "loan"),
    )


_IDS = (
    "payment_intent",
    "charge",
    "refund",
    "dispute",
    "checkout.session",
    "setup_intent",
    "mandate",
    "customer",
    "payment_method",
)


def _id_in(holder: Mapping[str, Any], name: str) -> str | None:
    """Give the id of another object: Stripe gives it alone, or the whole object in its place."""
    value = holder.get(name)
    return _text(value, "id") if isinstance(value, dict) else _text(holder, name)


def _text(holder: Mapping[str, Any], name: str) -> str | None:
    value = holder.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST and "\0" not in value else None


def _needed(holder: Mapping[str, Any], name: str) -> str:
    return _text(holder, name) or _missing(f"/{name}")


def _missing(where: str) -> Any:
    raise MalformedEvent(where)


def _instant(holder: Mapping[str, Any]) -> datetime | None:
    value = holder.get("created")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)


def _amount(holder: Mapping[str, Any], name: str) -> int | None:
    value = holder.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None


def _reason(about: Mapping[str, Any]) -> str | None:
    for name in ("last_payment_error", "last_setup_error"):
        error = about.get(name)
        if isinstance(error, dict):
            return _text(error, "decline_code") or _text(error, "code")
    names = ("failure_code", "failure_reason", "cancellation_reason", "reason")
    return next((found for name in names if (found := _text(about, name))), None)


_PLAIN = {
    "payment_intent.processing": PaymentEventKind.PROCESSING,
    "payment_intent.succeeded": PaymentEventKind.SUCCEEDED,
    "payment_intent.payment_failed": PaymentEventKind.FAILED,
    "payment_intent.canceled": PaymentEventKind.CANCELLED,
    "checkout.session.expired": PaymentEventKind.CANCELLED,
    "charge.dispute.funds_withdrawn": PaymentEventKind.WITHDRAWN,
    "charge.dispute.funds_reinstated": PaymentEventKind.REINSTATED,
}
_CLOSED = {"lost": PaymentEventKind.LOST, "won": PaymentEventKind.WON}
_REFUND_TYPES = frozenset({"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"})
_REFUND_STATES = {
    "pending": PaymentEventKind.REFUND_PENDING,
    "requires_action": PaymentEventKind.REFUND_PENDING,
    "succeeded": PaymentEventKind.REFUND_SUCCEEDED,
    "failed": PaymentEventKind.REFUND_FAILED,
    "canceled": PaymentEventKind.REFUND_FAILED,
}


def _meaning(event: StripeEvent) -> PaymentEventKind | None:
    if event.type == "charge.dispute.closed":
        return _CLOSED.get(event.status or "")
    if event.type in _REFUND_TYPES:
        return _REFUND_STATES.get(event.status or "")
    return _PLAIN.get(event.type)
