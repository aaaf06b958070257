"""What the tests of payees stand on: a scheme that registers them for people, and what they are owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import text

from tests.integration.wallet.payouts_house import House, example_iban
from tests.support.callers import Client
from wallet.ledger import actions as ledger
from wallet.ledger.postings import Transfer

SCHEME = "sociaal-krediet"
HELPER, OFFICER = "hanna", "olga"


@dataclass
class PayeesHouse:
    """The house, with sociaal krediet asking for a helper and for an officer."""

    house: House

    def __post_init__(self) -> None:
        self.helper = self.service(on_behalf_of=HELPER)
        self.officer = self.service(on_behalf_of=OFFICER)

    def service(self, name: str = SCHEME, **claims: Any) -> Client:
        return self.house.callers.service_client(self.house.api, "wallet", name, **claims)

    def register(self, number: int, **fields: Any) -> dict[str, Any]:
        """Register a creditor for the helper; gives its `id` and `ibanId`."""
        body = {"name": f"Schuldeiser {number}", "iban": example_iban(number), **fields}
        answer = self.helper.post("/payees", json=body)
        assert answer.status_code == 201, answer.text
        registered: dict[str, Any] = answer.json()
        return registered

    def confirm(self, registered: dict[str, Any]) -> str:
        """Confirm its account for the officer; gives the day from which it can be used."""
        answer = self.officer.post(f"/payees/{registered['id']}/confirmations", json={"ibanId": registered["ibanId"]})
        assert answer.status_code == 200, answer.text
        usable_from: str = answer.json()["usableFrom"]
        return usable_from

    def payee(self, number: int, owed: int = 0, purse: str = "krediet", **fields: Any) -> str:
        """Register a creditor whose account is confirmed today, and who is owed this much."""
        registered = self.register(number, **fields)
        self.confirm(registered)
        payee: str = registered["id"]
        if owed:
            self.owe(payee, owed, purse)
        return payee

    def owe(self, payee: str, amount: int, purse: str = "krediet") -> None:
        with self.house.database.transaction() as db:
            ledger.post(
                db,
                kind="manual",
                value_date=date(2026, 7, 1),
                actor="test",
                transfers=[Transfer("bank:current", f"payable:{payee}:{purse}", amount)],
            )

    def announced(self) -> list[dict[str, Any]]:
        """Give what the scheme is told, oldest first."""
        with self.house.database.reading() as db:
            rows = db.execute(text("SELECT scheme, kind, content FROM payouts.announcement ORDER BY number")).all()
        assert {(row.scheme, row.kind) for row in rows} <= {(SCHEME, "payment")}
        return [row.content for row in rows]
