"""Transfer batches over HTTP to the wallet of a running house, as a scheme's service sends them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from foundation.access import Role, TokenSigner
from stadsbeurs import house as house_table
from stadsbeurs import keys
from tests.benchmark.books import CHUNK, FUND
from tests.support.house import House, wait_until


def wallet_port(house: House) -> int:
    return house_table.Plan.of(house.installation.plan()).ports["wallet-api"]


def service_token(house: House) -> str:
    """Sign as burgerbudget does, for longer than a minute."""
    signer = TokenSigner.from_file("burgerbudget", keys.signing_key_file(house.installation.keys, "burgerbudget"))
    return signer.token("wallet", "burgerbudget", {Role.SERVICE}, lifetime_s=7200)


def sealed(house: House) -> bool:
    with psycopg.connect(house.owner_url("wallet")) as db:
        return db.execute("SELECT NOT EXISTS (SELECT FROM ledger.unsealed)").fetchone() == (True,)


class Bulk:
    """One transfer batch over HTTP, as a scheme's service sends it."""

    def __init__(self, house: House, purses: Sequence[str], tag: str) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{wallet_port(house)}/api/wallet/v1",
            headers={"Authorization": f"Bearer {service_token(house)}"},
            timeout=600,
        )
        self._purses = purses
        self._tag = tag
        self.id = ""

    def _lines(self) -> Iterator[bytes]:
        yield b"destination;amount;grantKey;reference;explanation\n"
        for begin in range(0, len(self._purses), CHUNK):
            chunk = enumerate(self._purses[begin : begin + CHUNK], start=begin)
            yield "".join(
                f"{purse};100;{self._tag}/{number};decision/{number};burgerbudget.topUp\n" for number, purse in chunk
            ).encode()

    def load(self) -> None:
        answer = self._client.post(
            "/transfer-batches",
            params={"kind": "top-up", "source": FUND, "asset": "EUR"},
            content=self._lines(),
            headers={"Content-Type": "text/csv", "Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == 202, answer.text
        self.id = answer.json()["id"]

    def submit(self) -> None:
        answer = self._client.post(
            f"/transfer-batches/{self.id}/submissions", json={}, headers={"Idempotency-Key": str(uuid4())}
        )
        assert answer.is_success, answer.text

    def found(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"/transfer-batches/{self.id}").json()
        return found

    def wait_for(self, state: str, watch: Callable[[], None] = lambda: None) -> float:
        began = time.perf_counter()

        def is_so() -> bool:
            watch()
            found = self.found()
            assert found["state"] != "refused", found
            return bool(found["state"] == state)

        wait_until(is_so, f"batch {state}", within_s=900, every_s=0.25)
        return time.perf_counter() - began
