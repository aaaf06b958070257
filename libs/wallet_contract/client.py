"""The way from a scheme service to the wallet: one method per message, over HTTP, signed as that service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foundation.access import Role, TokenSigner
from foundation.http import ServiceClient, ServiceRefused, ServiceUnavailable
from foundation.outbox import DeliveryFailed, DeliveryRefused

WALLET = "wallet"
BASE = "/api/wallet/v1"


class WalletClient:
    """Speaks with the wallet.

    Raises `DeliveryRefused` when a rule of the wallet says no, and `DeliveryFailed` when it is not known whether
    the wallet did it: then the same request with the same key is sent again.
    """

    def __init__(self, base_url: str, signer: TokenSigner, *, deadline_s: float = 50.0) -> None:
        def authorise(on_behalf_of: str | None) -> str:
            return signer.token(WALLET, signer.issuer, {Role.SERVICE}, on_behalf_of=on_behalf_of)

        self._service = ServiceClient(base_url, authorise, deadline_s=deadline_s)

    def post_transfers(self, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Post a `PostTransfers`; gives the journal's id and the transfers' ids."""
        return self._post("/transfers", body, key, on_behalf_of)

    def open_hold(self, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Open an `OpenHold`; gives its id."""
        return self._post("/holds", body, key, on_behalf_of)

    def release_hold(self, hold_id: str, *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Release what remains of a hold."""
        return self._post(f"/holds/{hold_id}/releases", {}, key, on_behalf_of)

    def _post(self, path: str, body: Mapping[str, Any], key: str, on_behalf_of: str | None) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._service.request(
                "POST", BASE + path, body=dict(body), idempotency_key=key, on_behalf_of=on_behalf_of
            )
        except ServiceRefused as refusal:
            raise DeliveryRefused(refusal.code, refusal.message) from refusal
        except ServiceUnavailable as failure:
            raise DeliveryFailed(str(failure), failure.retry_after_s) from failure
        return answer

    def close(self) -> None:
        self._service.close()
