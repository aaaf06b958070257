"""The way to Stripe, with its own SDK; nothing of the SDK's types leaves this module (SK-12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import UUID

from foundation.money import Cents
from foundation.outbox import DeliveryFailed, DeliveryRefused
from sociaal_krediet.collecting import Debit, GivenBack, HostedPage, PaymentMethod
from sociaal_krediet.rules.payments import EUR

if TYPE_CHECKING:
    from stripe import StripeClient, StripeError
    from stripe.params import PaymentIntentCreateParams
    from stripe.params.checkout import SessionCreateParams

STRIPE = "https://api.stripe.com"
SHOWN_TO_PAYER = "Betaling"
"""What the page says is paid for: not which scheme it is."""
RETRIED_CODES = frozenset({"lock_timeout", "idempotency_key_in_use", "rate_limit"})


class StripeApi:
    """A `Collector` at Stripe, or at whatever stands in for it at `url`."""

    def __init__(self, api_key: str, url: str = STRIPE) -> None:
        self._api_key = api_key
        self._url = url

    @cached_property
    def _client(self) -> StripeClient:
        # The SDK takes up to 0.6 s and 28 MiB to import: only a process that really speaks with Stripe pays for that.
        import stripe

        from sociaal_krediet.collecting.stripe_http import RETRIES, HouseHttp

        # Its telemetry would tell of our machine, and writes a file in the home folder.
        stripe.enable_telemetry = False
        return stripe.StripeClient(
            self._api_key,
            base_addresses={"api": self._url},
            max_network_retries=RETRIES,
            http_client=HouseHttp(),
        )

    def create_customer(self, loan: UUID, *, key: str) -> str:
        with _answers():
            made = self._client.v1.customers.create({"metadata": {"loan": str(loan)}}, {"idempotency_key": key})
        return made.id

    def mandate_session(self, customer: str, loan: UUID, *, success_url: str, cancel_url: str, key: str) -> HostedPage:
        about = {"loan": str(loan)}
        return self._session(
            {
                "mode": "setup",
                "customer": customer,
                "allowed_payment_method_types": ["sepa_debit"],
                "success_url": success_url,
                "cancel_url": cancel_url,
                "metadata": about,
                "setup_intent_data": {"metadata": about},
            },
            key,
        )

    def payment_session(
        self,
        payment: UUID,
        loan: UUID,
        amount: Cents,
        methods: Sequence[PaymentMethod],
        *,
        success_url: str,
        cancel_url: str,
        key: str,
    ) -> HostedPage:
        about = {"payment": str(payment), "loan": str(loan)}
        return self._session(
            {
                "mode": "payment",
                "allowed_payment_method_types": list(methods),
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": EUR,
                            "unit_amount": int(amount),
                            "product_data": {"name": SHOWN_TO_PAYER},
                        },
                    }
                ],
                "success_url": success_url,
                "cancel_url": cancel_url,
                "metadata": about,
                "payment_intent_data": {"metadata": about},
            },
            key,
        )

    def _session(self, params: SessionCreateParams, key: str) -> HostedPage:
        with _answers():
            made = self._client.v1.checkout.sessions.create(params, {"idempotency_key": key})
        if not made.url:
            raise DeliveryFailed(f"Stripe gave no address for {made.id}")
        return HostedPage(made.id, made.url)

    def debit(
        self,
        payment: UUID,
        loan: UUID,
        amount: Cents,
        *,
        customer: str,
        payment_method: str,
        mandate: str | None,
        key: str,
    ) -> Debit:
        params: PaymentIntentCreateParams = {
            "amount": int(amount),
            "currency": EUR,
            "customer": customer,
            "payment_method": payment_method,
            "allowed_payment_method_types": ["sepa_debit"],
            "confirm": True,
            "off_session": True,
            "metadata": {"payment": str(payment), "loan": str(loan)},
        }
        if mandate is not None:
            params["mandate"] = mandate
        with _answers():
            made = self._client.v1.payment_intents.create(params, {"idempotency_key": key})
        return Debit(made.id, made.status)

    def refund(self, payment_intent: str, amount: Cents, *, key: str) -> GivenBack:
        with _answers():
            made = self._client.v1.refunds.create(
                {"payment_intent": payment_intent, "amount": int(amount)}, {"idempotency_key": key}
            )
        return GivenBack(made.id, made.status or "pending")


@contextmanager
def _answers() -> Iterator[None]:
    """Turn the SDK's errors into those of the outbox."""
    import stripe

    try:
        yield
    except stripe.StripeError as error:
        if _is_final(error):
            raise DeliveryRefused(_code(error), error.user_message or type(error).__name__) from error
        raise DeliveryFailed(f"{type(error).__name__} {_code(error)}", _retry_after(error)) from error


def _is_final(error: StripeError) -> bool:
    import stripe

    said_no = (
        stripe.CardError,
        stripe.InvalidRequestError,
        # Other content under a key that was used: a fault of ours, that no repetition mends.
        stripe.IdempotencyError,
        stripe.AuthenticationError,
        stripe.PermissionError,
    )
    return isinstance(error, said_no) and error.code not in RETRIED_CODES


def _code(error: StripeError) -> str:
    """Give Stripe's code, else the type of its error, else the HTTP status."""
    if error.code:
        return error.code
    body = error.json_body
    told = body.get("error") if isinstance(body, dict) else None
    kind = told.get("type") if isinstance(told, dict) else None
    return str(kind or error.http_status or "noAnswer")


def _retry_after(error: StripeError) -> float | None:
    value = str((error.headers or {}).get("retry-after", ""))
    return float(value) if value.isdecimal() else None
