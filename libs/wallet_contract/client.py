"""The way from a scheme service to the wallet: one method per message, over HTTP, signed as that service."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from foundation.access import Role, TokenSigner
from foundation.http import DEADLINE_S, ServiceClient, ServiceRefused, ServiceUnavailable
from foundation.identifiers import new_id
from foundation.outbox import DeliveryFailed, DeliveryRefused
from wallet_contract.messages import OpenHold
from wallet_contract.settings import SchemeSettings

WALLET = "wallet"
BASE = "/api/wallet/v1"


class WalletClient:
    """Speaks with the wallet.

    Raises `DeliveryRefused` when a rule of the wallet says no (also where something is not there, or not ours), and
    `DeliveryFailed` when it is not known whether the wallet did it: then the same request with the same key is sent again.
    """

    def __init__(
        self, base_url: str, signer: TokenSigner, *, deadline_s: float = DEADLINE_S, token_kept_s: float = 0.0
    ) -> None:
        """`token_kept_s`: for so long, below a token's lifetime, one token goes with every request for nobody in particular."""
        own: tuple[str, float] = ("", 0.0)

        def authorise(on_behalf_of: str | None) -> str:
            nonlocal own
            if on_behalf_of is not None or not token_kept_s:
                return signer.token(WALLET, signer.issuer, {Role.SERVICE}, on_behalf_of=on_behalf_of)
            token, until = own
            if time.monotonic() >= until:
                until = time.monotonic() + token_kept_s
                token = signer.token(WALLET, signer.issuer, {Role.SERVICE})
                own = (token, until)
            return token

        self._service = ServiceClient(base_url, authorise, deadline_s=deadline_s)

    @classmethod
    def of(
        cls, name: str, settings: SchemeSettings, *, deadline_s: float = DEADLINE_S, token_kept_s: float = 0.0
    ) -> WalletClient:
        """Give the way to the wallet for the service of this name, as its settings say."""
        signer = TokenSigner.from_file(name, settings.signing_key_file)
        return cls(settings.wallet_url, signer, deadline_s=deadline_s, token_kept_s=token_kept_s)

    def post_transfers(self, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Post a `PostTransfers`; gives the journal's id and the transfers' ids."""
        return self._post("/transfers", body, key, on_behalf_of)

    def open_hold(self, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Open an `OpenHold`; gives its id and, as `amount`, how much was set apart."""
        return self._post("/holds", body, key, on_behalf_of)

    def have_holds(self, asked: Mapping[UUID, OpenHold]) -> list[dict[str, Any]]:
        """Have 1 to `MAX_HOLDS` holds, each under an id that was chosen for it.

        Gives for each, in their order, its `hold` as it is now, opened at this request or at an earlier one, or as `refusal`
        the `code` and `message` of the rule that said no.
        """
        body = {"holds": [{"id": str(hold_id), **hold.as_json()} for hold_id, hold in asked.items()]}
        answer = _delivered(lambda: self._service.request("PUT", BASE + "/holds", body=body))
        items: list[dict[str, Any]] = answer["items"]
        return items

    def capture_hold(
        self, hold_id: str, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None
    ) -> dict[str, Any]:
        """Do a `CaptureHold`; gives the journal's id, the transfer's id, and the hold as it is then."""
        return self._post(f"/holds/{quote(hold_id, safe='')}/captures", body, key, on_behalf_of)

    def release_hold(self, hold_id: str, *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Release what remains of a hold."""
        return self._post(f"/holds/{hold_id}/releases", {}, key, on_behalf_of)

    def open_loan_account(
        self, loan_id: str, principal: int, *, key: str, on_behalf_of: str | None = None
    ) -> dict[str, Any]:
        """Open the account of a loan (`principal` in cents); gives its address. Again with the same is no change."""
        return self._post("/loan-accounts", {"loan": loan_id, "principal": principal}, key, on_behalf_of)

    def register_reference(
        self, reference: str, subject: str, *, key: str, on_behalf_of: str | None = None
    ) -> dict[str, Any]:
        """Expect money under a creditor reference (ISO 11649), and be told of it as `subject`."""
        return self._post("/payment-references", {"reference": reference, "subject": subject}, key, on_behalf_of)

    def unknown_holders(self, holders: Sequence[str], *, on_behalf_of: str | None = None) -> list[str]:
        """Give those of these holders (at most 100) that the wallet does not know as persons."""
        # A new key for each question: somebody who is unknown now may be registered a minute later.
        key = f"holder-check/{new_id()}"
        unknown: list[str] = self._post("/holder-checks", {"holders": list(holders)}, key, on_behalf_of)["unknown"]
        return unknown

    def create_payee(self, body: Mapping[str, Any], *, key: str, on_behalf_of: str | None = None) -> dict[str, Any]:
        """Register whom a scheme pays; gives the ids of the payee and of its IBAN, which another person confirms."""
        return self._post("/payees", body, key, on_behalf_of)

    def confirm_payee(
        self, payee_id: str, iban_id: str, *, key: str, on_behalf_of: str | None = None
    ) -> dict[str, Any]:
        """Confirm the IBAN of a payee, on behalf of another person than entered it."""
        return self._post(f"/payees/{quote(payee_id, safe='')}/confirmations", {"ibanId": iban_id}, key, on_behalf_of)

    def payee(self, payee_id: str) -> dict[str, Any]:
        """Give a payee, as far as the wallet shows it to a service."""
        return self._get(f"/payees/{quote(payee_id, safe='')}")

    def account(self, address: str) -> dict[str, Any]:
        """Give an account of this service's own scheme with its balance."""
        return self._get(f"/accounts/{quote(address, safe=':')}")

    def balances(self, addresses: Sequence[str]) -> list[dict[str, Any]]:
        """Give what stands on 1 to `MAX_BALANCES` accounts of this service's own scheme, in their order.

        Each is `{"account", "asset", "balance", "held", "available"}`; nothing stands on what is not opened yet.
        """
        items: list[dict[str, Any]] = self._get("/balances", {"account": list(addresses)})["items"]
        return items

    def fund(self, code: str) -> dict[str, Any]:
        """Give a fund of this service's own scheme and what it can still spend."""
        return self._get(f"/funds/{quote(code, safe='')}")

    def announcements(self, limit: int = 100) -> list[dict[str, Any]]:
        """Give what this scheme is told and did not take yet, oldest first."""
        items: list[dict[str, Any]] = self._get("/announcements", {"limit": str(limit)})["items"]
        return items

    def take_announcements(self, ids: Sequence[str]) -> int:
        """Say that these are written down and need not be told again; gives how many were not taken before."""
        # The same ones again are the same request: an answer that was lost is asked for once more.
        key = "take/" + hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
        taken: int = self._post("/announcements/takings", {"ids": sorted(ids)}, key, None)["taken"]
        return taken

    def _post(self, path: str, body: Mapping[str, Any], key: str, on_behalf_of: str | None) -> dict[str, Any]:
        return _delivered(
            lambda: self._service.request(
                "POST", BASE + path, body=dict(body), idempotency_key=key, on_behalf_of=on_behalf_of
            )
        )

    def _get(self, path: str, params: Mapping[str, str | Sequence[str]] | None = None) -> dict[str, Any]:
        return _delivered(lambda: self._service.request("GET", BASE + path, params=params))

    def close(self) -> None:
        self._service.close()


def _delivered(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = ask()
    except ServiceRefused as refusal:
        raise DeliveryRefused(refusal.code, refusal.message) from refusal
    except ServiceUnavailable as failure:
        raise DeliveryFailed(str(failure), failure.retry_after_s) from failure
    return answer
