"""What the tests of sociaal krediet stand on: its API, a real wallet behind HTTP with a filled fund, and the people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from foundation import outbox
from foundation.access import Role
from foundation.database import Database
from sociaal_krediet import tasks
from sociaal_krediet.app import make_api
from sociaal_krediet.collecting import Collector
from tests.integration.gateway.running import Running
from tests.integration.wallet.payouts_house import House, example_iban, open_house
from tests.support.callers import Callers, Client
from wallet.app import make_api as make_wallet
from wallet_contract.client import WalletClient

NAME = "sociaal-krediet"
WOONBEDRIJF = {"name": "Woonbedrijf De Sleutel", "reference": "Huur 2026-09"}


class Town:
    """A municipality that lends; its fund has 10,000.00 unless said otherwise."""

    def __init__(
        self,
        database: Database,
        house: House,
        callers: Callers,
        today: Callable[[str], None],
        collector: Collector | None = None,
        *,
        secrets: list[str] | None = None,
        in_fund: int = 1_000_000,
    ) -> None:
        self.database, self.house, self.callers, self.today = database, house, callers, today
        self.wallet_api = make_wallet(house.database, callers.verifier("wallet"), house.settings)
        self.server = Running(self.wallet_api)
        self.wallet = WalletClient(self.server.url, callers.signers[NAME])
        self.api = make_api(
            database, callers.verifier(NAME), self.wallet, collector, webhook_secrets=secrets or ["whsec_test"]
        )
        self.handlers = tasks.handlers(self.wallet, collector, lambda: database)
        self.helper = self.client(Role.HELPER, "hanna")
        self.officer = self.client(Role.CASEWORKER, "olga")
        self.second_officer = self.client(Role.CASEWORKER, "oscar")
        self.finance = self.client(Role.FINANCE_MAKER, "mara")
        self.auditor = self.client(Role.AUDITOR, "audrey")
        self.wallet_maker = self.wallet_client(Role.FINANCE_MAKER, "mara")
        self.wallet_checker = self.wallet_client(Role.FINANCE_CHECKER, "chuck")
        self.wallet_auditor = self.wallet_client(Role.AUDITOR, "audrey")
        self.wallet_maker.post("/funds", json={"code": NAME, "name": "Leenfonds", "asset": "EUR"})
        if in_fund:
            self.deposit(in_fund)

    def close(self) -> None:
        self.wallet.close()
        self.server.stop()

    def client(self, role: Role, subject: str | None = None, **claims: Any) -> Client:
        return self.callers.client(self.api, NAME, role, subject, **claims)

    def wallet_client(self, role: Role, subject: str) -> Client:
        return self.callers.client(self.wallet_api, "wallet", role, subject)

    def deposit(self, amount: int) -> None:
        """Put money in the fund, by two people."""
        body = {"amount": amount, "reference": f"raad/{amount}", "reason": "begroting"}
        proposed = self.wallet_maker.post(f"/funds/{NAME}/deposits", json=body).json()["id"]
        answer = self.wallet_checker.post(f"/funds/{NAME}/deposits/{proposed}/confirmations")
        assert answer.status_code == 201, answer.text

    def holder(self, number: int = 1) -> str:
        """Register a resident with the wallet, whose IBAN is confirmed."""
        return self.house.holder(number)

    def body(self, holder: str, amount: int = 175_000, months: int | None = 36, **changes: Any) -> dict[str, Any]:
        """A whole application for somebody who lives alone."""
        return {
            "holderId": holder,
            "household": {"size": 1, "members": [holder]},
            "kind": "loan" if months else "gift",
            "amount": amount,
            **({"months": months} if months else {}),
            "acuteNeed": "Ontruiming dreigt over twee weken.",
            "perspective": "Met de huur op orde begint zij per oktober met haar opleiding.",
            "consentGivenOn": "2026-09-01",
            "creditors": [{**WOONBEDRIJF, "iban": example_iban(900), "amount": amount}],
            **changes,
        }

    def apply(self, holder: str, **changes: Any) -> str:
        """Apply for a loan; gives the application's id."""
        answer = self.helper.post("/applications", json=self.body(holder, **changes))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def decide(self, application: str, outcome: str = "loan", **more: Any) -> dict[str, Any]:
        """Decide on an application, and let everything that follows reach the wallet."""
        body = {"outcome": outcome, "reason": "De nood is acuut en dit helpt.", **more}
        if outcome == "loan":
            body.setdefault("product", "leenbijstand")
        answer = self.officer.post(f"/applications/{application}/decisions", json=body)
        assert answer.status_code == 201, answer.text
        self.settle()
        decided: dict[str, Any] = answer.json()
        return decided

    def loan(self, holder: str | None = None, amount: int = 175_000, months: int = 36, **changes: Any) -> str:
        """Lend to somebody; gives the loan's id."""
        application = self.apply(holder or self.holder(), amount=amount, months=months, **changes)
        return str(self.decide(application)["loanId"])

    def settle(self) -> None:
        """Do all that the workers would do, until nothing is left."""
        for _ in range(20):
            while outbox.deliver_one(self.database, self.handlers):
                pass
            tasks.do_jobs(self.database, self.wallet, lambda: None)
            if not outbox.due(self.database):
                return
        raise AssertionError("the workers do not come to rest")

    def on(self, day: str) -> None:
        """Make it another day, and do what is due then."""
        self.today(day)
        self.settle()

    def repay(self, loan: str, amount: int, on: str, reference: str = "overboeking") -> dict[str, Any]:
        """Have finance write down a receipt."""
        body = {"amount": amount, "receivedOn": on, "reference": reference}
        answer = self.finance.post(f"/loans/{loan}/repayments", json=body)
        assert answer.status_code == 201, answer.text
        self.settle()
        received: dict[str, Any] = answer.json()
        return received

    def get(self, path: str, by: Client | None = None) -> Any:
        answer = (by or self.officer).get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def balances(self) -> dict[str, int]:
        """Give what is posted on every account of this scheme, and on the banks, that has anything."""
        return {
            address.replace(f":{NAME}", ""): posted for address, (posted, _) in self.house.balances().items() if posted
        }

    def assert_agrees(self) -> None:
        """The loans, their instalments and the ledger say the same."""
        balances = self.balances()
        report = self.get("/portfolio", self.auditor)
        assert report["ledger"] == {"lent": balances.get("lent", 0), "onItsWay": 0, "difference": 0}
        assert report["principal"] == sum(report[name] for name in ("repaid", "outstanding", "remitted", "writtenOff"))
        for summary in self.get("/loans?limit=1000")["items"]:
            loan = self.get(f"/loans/{summary['id']}")
            open_ = sum(one["amount"] - one["paid"] for one in loan["instalments"])
            assert open_ == loan["outstanding"] == -balances.get(f"loan:{loan['id']}:outstanding", 0)


@contextmanager
def open_town(
    database: Database,
    wallet_database: Database,
    callers: Callers,
    today: Callable[[str], None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """Give a town on 1 September 2026, with 10,000.00 to lend and a wallet behind HTTP."""
    house = open_house(wallet_database, callers, today, folder, monkeypatch)
    town = Town(database, house, callers, today)
    try:
        yield town
    finally:
        town.close()
