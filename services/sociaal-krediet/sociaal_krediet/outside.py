"""The ways to the wallet and to Stripe, as the settings say."""

from __future__ import annotations

from sociaal_krediet.collecting import Collector
from sociaal_krediet.collecting.stripe_api import STRIPE, StripeApi
from sociaal_krediet.settings import NAME, SociaalKredietSettings
from wallet_contract.client import WalletClient


def wallet_of(settings: SociaalKredietSettings) -> WalletClient:
    """Give the way to the wallet, signed as this service."""
    return WalletClient.of(NAME, settings)


def collector_of(settings: SociaalKredietSettings) -> Collector | None:
    """Give the way to Stripe, or nothing where a municipality does not collect through it."""
    if settings.stripe_key is None:
        return None
    return StripeApi(settings.stripe_key.get_secret_value(), settings.stripe_url or STRIPE)
