"""What the tests of lending stand on: the whole API of the wallet, the scheme that lends, and its fund."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from foundation.access import Role
from tests.integration.wallet.payouts_house import House
from tests.support.callers import Client
from wallet.app import make_api

FUND, LENT, CLEARING = "fund:sociaal-krediet", "lent:sociaal-krediet", "clearing:sociaal-krediet"
CURRENT, STRIPE = "bank:current", "bank:stripe"
# The example of the standard, one with letters, and one that nobody registers.
ONE, TWO, UNREGISTERED = "RF18539007547034", "RF185390075470Y", "RF712348231"


class LendingHouse:
    """A fund with 5,000.00, the scheme that lends out of it, another scheme, and people of finance."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.api = make_api(house.database, house.callers.verifier("wallet"), house.settings)
        self.scheme = self._service("sociaal-krediet")
        self.other = self._service("burgerbudget")
        self.maker = self._person(Role.FINANCE_MAKER, "mara")
        self.checker = self._person(Role.FINANCE_CHECKER, "chuck")
        self.auditor = self._person(Role.AUDITOR, "audrey")
        assert self.maker.post("/funds", json={"code": "sociaal-krediet", "name": "Leenfonds"}).status_code == 201
        deposit = {"amount": 500_000, "reference": "raad/2026", "reason": "begroting"}
        proposed = self.maker.post("/funds/sociaal-krediet/deposits", json=deposit).json()["id"]
        confirmed = self.checker.post(f"/funds/sociaal-krediet/deposits/{proposed}/confirmations")
        assert confirmed.status_code == 201, confirmed.text

    def _service(self, name: str) -> Client:
        return self.house.callers.service_client(self.api, "wallet", name)

    def _person(self, role: Role, subject: str) -> Client:
        return self.house.callers.client(self.api, "wallet", role, subject)

    def loan(self, principal: int) -> str:
        """Open the account of a loan; gives its address."""
        answer = self.scheme.post("/loan-accounts", json={"loan": str(uuid4()), "principal": principal})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["address"])

    def post(self, kind: str, *transfers: tuple[str, str, int], by: Client | None = None, **more: Any) -> Any:
        """Ask to post transfers of (source, destination, amount)."""
        asked = [{"source": source, "destination": to, "amount": amount} for source, to, amount in transfers]
        return (by or self.scheme).post("/transfers", json={"kind": kind, "transfers": asked, **more})

    def register(self, reference: str, subject: str, by: Client | None = None) -> Any:
        """Ask to expect money under a reference."""
        return (by or self.scheme).post("/payment-references", json={"reference": reference, "subject": subject})

    def statement(self, *receipts: dict[str, Any], **more: Any) -> bytes:
        """Have the stand-in bank write a statement with these receipts."""
        answer = self.maker.post("/stand-in-bank/statements", json={"receipts": list(receipts), **more})
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def read(self, message: bytes) -> dict[str, Any]:
        """Have a message of the bank read; gives its counts and its id."""
        answer = self.maker.post("/bank-messages", content=message, headers={"Content-Type": "application/xml"})
        assert answer.status_code == 201, answer.text
        read: dict[str, Any] = answer.json()
        return read

    def counts(self, message: bytes) -> tuple[int, int, int, int]:
        """Have a message read; gives matched, returned, unknown and repeated."""
        read = self.read(message)
        return read["matched"], read["returned"], read["unknown"], read["repeated"]

    def waiting(self, by: Client | None = None) -> list[dict[str, Any]]:
        """Give what waits for a scheme."""
        items: list[dict[str, Any]] = (by or self.scheme).get("/announcements").json()["items"]
        return items
