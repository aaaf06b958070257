"""What the tests of holders and payouts stand on: the API, its callers, and money in purses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from schwifty import IBAN
from sqlalchemy import text

from foundation.access import Role
from foundation.application import create_api
from foundation.database import Database
from tests.support.callers import Callers, Client
from wallet.holders import routes as holder_routes
from wallet.ledger import actions as ledger
from wallet.ledger.postings import Transfer
from wallet.payouts import routes as payout_routes
from wallet.payouts.settings import PayoutSettings

DEBTOR = "NL66BNGH0123456789"
NOBODY = "01900000-0000-7000-8000-000000000000"
OUTGOING, CURRENT = "bank:outgoing", "bank:current"


def write_vault_keys(path: Path) -> None:
    """Write a key file for the vault."""
    kind = {"current": "k1", "keys": {"k1": base64.b64encode(b"x" * 32).decode()}}
    path.write_text(
        json.dumps({"encryption": kind, "index": {**kind, "keys": {"k1": base64.b64encode(b"y" * 32).decode()}}})
    )


def example_iban(number: int) -> str:
    """Make a valid IBAN."""
    return str(IBAN.generate("NL", bank_code="TRIO", account_code=f"{number:010d}"))


@dataclass
class House:
    """The API on one database, and short words for what many tests do."""

    database: Database
    callers: Callers
    today: Callable[[str], None]
    settings: PayoutSettings = field(
        default_factory=lambda: PayoutSettings(
            environment="local", signing_key_file=Path("none"), trusted_keys_file=Path("none")
        )
    )

    def __post_init__(self) -> None:
        self.api: FastAPI = create_api(
            "wallet",
            database=self.database,
            verifier=self.callers.verifier("wallet"),
            routers=[holder_routes.router, payout_routes.router],
            state={"settings": self.settings},
        )
        self.caseworker = self.client(Role.CASEWORKER, "carla")
        self.second_caseworker = self.client(Role.CASEWORKER, "chris")
        self.maker = self.client(Role.FINANCE_MAKER, "mara")
        self.checker = self.client(Role.FINANCE_CHECKER, "chuck")
        self.auditor = self.client(Role.AUDITOR, "audrey")

    def client(self, role: Role, subject: str | None = None, **claims: Any) -> Client:
        return self.callers.client(self.api, "wallet", role, subject, **claims)

    def holder(self, number: int, vrij: int = 0, iban: str | None = None, confirm: bool = True) -> str:
        """Register a holder whose IBAN is confirmed today, with this much in `vrij`."""
        answer = self.caseworker.post(
            "/holders", json={"displayName": f"Deelnemer {number}", "iban": iban or example_iban(number)}
        )
        assert answer.status_code == 201, answer.text
        if confirm:
            self.confirm([answer.json()["ibanId"]])
        holder: str = answer.json()["id"]
        if vrij:
            self.put(holder, vrij)
        return holder

    def confirm(self, iban_ids: Sequence[str]) -> None:
        answer = self.second_caseworker.post("/iban-confirmations", json={"ibanIds": list(iban_ids)})
        assert answer.json()["confirmed"] == len(iban_ids), answer.text

    def put(self, holder: str, amount: int, purse: str = "vrij") -> None:
        """Put money in a purse, straight from the bank account."""
        with self.database.transaction() as db:
            ledger.post(
                db,
                kind="manual",
                value_date=date(2026, 7, 1),
                actor="test",
                transfers=[Transfer("bank:current", f"holder:{holder}:{purse}", amount)],
            )

    def take(self, holder: str, amount: int, purse: str = "vrij") -> None:
        """Spend money out of a purse."""
        with self.database.transaction() as db:
            ledger.post(
                db,
                kind="manual",
                value_date=date(2026, 7, 1),
                actor="test",
                transfers=[Transfer(f"holder:{holder}:{purse}", "bank:current", amount)],
            )

    def balances(self) -> dict[str, tuple[int, int]]:
        """Give posted and held of every account that has any."""
        with self.database.reading() as db:
            rows = db.execute(
                text(
                    "SELECT a.address, b.posted, b.held"
                    "  FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
                    " WHERE b.posted <> 0 OR b.held <> 0"
                )
            )
            return {address: (posted, held) for address, posted, held in rows}

    def vrij(self, holder: str) -> tuple[int, int]:
        return self.balances().get(f"holder:{holder}:vrij", (0, 0))

    def draft(self, execute_on: str = "2026-10-01", **body: Any) -> dict[str, Any]:
        answer = self.maker.post("/payout-batches", json={"purse": "vrij", "executeOn": execute_on, **body})
        assert answer.status_code == 201, answer.text
        drafted: dict[str, Any] = answer.json()
        return drafted

    def submit(self, batch: str) -> dict[str, Any]:
        return self._done(self.maker, batch, "submissions")

    def approve(self, batch: str, content_hash: str, by: Client | None = None) -> dict[str, Any]:
        return self._done(by or self.checker, batch, "approvals", {"contentHash": content_hash})

    def send(self, batch: str) -> dict[str, Any]:
        return self._done(self.maker, batch, "sendings", {"channel": "sepa"})

    def withdraw(self, batch: str) -> dict[str, Any]:
        return self._done(self.maker, batch, "withdrawals")

    def sent(self, execute_on: str = "2026-10-01", **body: Any) -> str:
        """Take a batch from nothing to sent."""
        batch: str = self.draft(execute_on, **body)["id"]
        self.approve(batch, self.submit(batch)["contentHash"])
        self.send(batch)
        return batch

    def _done(self, client: Client, batch: str, step: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = client.post(f"/payout-batches/{batch}/{step}", json=body)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def state(self, batch: str) -> str:
        state: str = self.maker.get(f"/payout-batches/{batch}").json()["state"]
        return state

    def lines(self, batch: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.maker.get(f"/payout-batches/{batch}/lines?limit=1000").json()["items"]
        return items

    def statement(self, batch: str, **planted: Any) -> bytes:
        answer = self.maker.post("/stand-in-bank/statements", json={"batchId": batch, **planted})
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def status_report(self, batch: str, **planted: Any) -> bytes:
        answer = self.maker.post("/stand-in-bank/status-reports", json={"batchId": batch, **planted})
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    def read(self, message: bytes) -> dict[str, int]:
        """Have a message of the bank read; gives its counts."""
        answer = self.maker.post("/bank-messages", content=message, headers={"Content-Type": "application/xml"})
        assert answer.status_code == 201, answer.text
        return {name: answer.json()[name] for name in ("matched", "returned", "unknown", "repeated")}


def open_house(
    database: Database,
    callers: Callers,
    today: Callable[[str], None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    """Give the house with a vault of its own, on the day on which IBANs are confirmed: 1 September 2026."""
    write_vault_keys(folder / "vault.json")
    monkeypatch.setenv("STADSBEURS_VAULT_KEYS_FILE", str(folder / "vault.json"))
    today("2026-09-01")
    return House(database, callers, today)


def counts(matched: int = 0, returned: int = 0, unknown: int = 0, repeated: int = 0) -> dict[str, int]:
    """What `House.read` gives."""
    return {"matched": matched, "returned": returned, "unknown": unknown, "repeated": repeated}


def code_of(answer: Any) -> str:
    """Give the code of a refusal."""
    code: str = answer.json()["errors"][0]["code"]
    return code
