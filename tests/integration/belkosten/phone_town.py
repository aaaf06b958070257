"""What the tests of belkosten stand on: its API, a real wallet behind HTTP with a filled fund, and the people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from belkosten import postings, tasks
from belkosten.app import make_api
from foundation import outbox
from foundation.access import Role
from foundation.clock import business_date, now
from foundation.database import Database
from foundation.identifiers import new_id
from tests.integration.gateway.running import Running
from tests.integration.wallet.payouts_house import House, open_house
from tests.support.callers import Callers, Client
from wallet.app import make_api as make_wallet
from wallet_contract.client import WalletClient

NAME = "belkosten"
FIRST_DAY = "2026-10-01"


class Town:
    """A municipality that keeps people reachable; its fund has 10,000.00 unless said otherwise."""

    def __init__(
        self,
        database: Database,
        house: House,
        callers: Callers,
        today: Callable[[str], None],
        *,
        in_fund: int = 1_000_000,
    ) -> None:
        self.database, self.house, self.callers, self.today = database, house, callers, today
        self.wallet_api = make_wallet(house.database, callers.verifier("wallet"), house.settings)
        self.server = Running(self.wallet_api)
        self.wallet = WalletClient(self.server.url, callers.signers[NAME])
        self.api = make_api(database, callers.verifier(NAME), self.wallet)
        self.handlers = tasks.handlers(self.wallet, lambda: database)
        self.helper = self.client(Role.HELPER, "hanna")
        self.officer = self.client(Role.CASEWORKER, "olga")
        self.second_officer = self.client(Role.CASEWORKER, "oscar")
        self.finance = self.client(Role.FINANCE_MAKER, "mara")
        self.checker = self.client(Role.FINANCE_CHECKER, "chuck")
        self.auditor = self.client(Role.AUDITOR, "audrey")
        self.telco = self.provider("telco")
        self.wallet_maker = self.wallet_client(Role.FINANCE_MAKER, "mara")
        self.wallet_checker = self.wallet_client(Role.FINANCE_CHECKER, "chuck")
        self.wallet_auditor = self.wallet_client(Role.AUDITOR, "audrey")
        self.wallet_maker.post("/funds", json={"code": NAME, "name": "Belkosten", "asset": "EUR"})
        self._holders = 0
        self._deposits = 0
        if in_fund:
            self.deposit(in_fund)
        today(FIRST_DAY)

    def close(self) -> None:
        self.wallet.close()
        self.server.stop()

    def client(self, role: Role, subject: str | None = None, **claims: Any) -> Client:
        return self.callers.client(self.api, NAME, role, subject, **claims)

    def provider(self, organisation: str) -> Client:
        """Give a client with the token of a provider or seller."""
        return self.client(Role.PROVIDER, f"system-of-{organisation}", organisation_id=organisation)

    def person(self, holder: str) -> Client:
        """Give a client of somebody themselves."""
        return self.client(Role.PASS_HOLDER, f"person-{holder}", holder_id=holder)

    def wallet_client(self, role: Role, subject: str) -> Client:
        return self.callers.client(self.wallet_api, "wallet", role, subject)

    def deposit(self, amount: int) -> None:
        """Put money in the fund, by two people."""
        self._deposits += 1
        body = {"amount": amount, "reference": f"raad/{self._deposits}", "reason": "begroting"}
        proposed = self.wallet_maker.post(f"/funds/{NAME}/deposits", json=body).json()["id"]
        answer = self.wallet_checker.post(f"/funds/{NAME}/deposits/{proposed}/confirmations")
        assert answer.status_code == 201, answer.text

    def holder(self) -> str:
        """Register a new resident with the wallet."""
        self._holders += 1
        return self.house.holder(self._holders, confirm=False)

    def body(self, holder: str, product: str = "belapp", **changes: Any) -> dict[str, Any]:
        """What an enrolment from today on asks."""
        start = business_date().isoformat()
        return {"holderId": holder, "product": product, "ground": "minimapas", "from": start, **changes}

    def enrol(
        self,
        product: str = "belapp",
        ground: str = "minimapas",
        start: str | None = None,
        holder: str | None = None,
        **changes: Any,
    ) -> str:
        """Have the helper enrol somebody, and their first credit arrive; gives the number."""
        body = self.body(holder or self.holder(), product, ground=ground, **changes)
        answer = self.helper.post("/participants", json=body | ({"from": start} if start else {}))
        assert answer.status_code == 201, answer.text
        self.settle()
        return str(answer.json()["number"])

    def approve(
        self,
        number: str,
        organisation: str = "Kredietbank",
        category: str = "kredietbank",
        start: str = "2026-01-01",
        until: str | None = None,
    ) -> str:
        """Put a number on the list of those that may be called; gives its id."""
        approved = new_id()
        with self.database.transaction() as db:
            db.execute(
                text(
                    "INSERT INTO belkosten.approved_number (id, number, organisation, category, valid_from, valid_until,"
                    " registered_by, registered_at) VALUES (:id, :number, :organisation, :category, :start, :until,"
                    " 'olga', :now)"
                ),
                {
                    "id": approved,
                    "number": number,
                    "organisation": organisation,
                    "category": category,
                    "start": start,
                    "until": until,
                    "now": now(),
                },
            )
        return str(approved)

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

    def get(self, path: str, by: Client | None = None) -> Any:
        answer = (by or self.officer).get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def holder_of(self, number: str) -> str:
        with self.database.reading() as db:
            sought = text("SELECT holder_id FROM belkosten.participant WHERE number = :number")
            return str(db.execute(sought, {"number": number}).scalar_one())

    def balance(self, number: str) -> int:
        """Give what is in somebody's purse, what is set apart included."""
        return self._purse(number)[0]

    def held(self, number: str) -> int:
        """Give what is set apart in somebody's purse."""
        return self._purse(number)[1]

    def _purse(self, number: str) -> tuple[int, int]:
        return self.house.balances().get(postings.purse_of(self.holder_of(number)), (0, 0))

    def balances(self) -> dict[str, int]:
        """Give what is posted on every account that has anything: `fund`, `clearing`, `holder:<id>`, `payable:<id>`."""
        return {
            address.replace(f":{NAME}", ""): posted for address, (posted, _) in self.house.balances().items() if posted
        }

    def parked(self) -> Sequence[dict[str, Any]]:
        """Give the messages that the wallet refused."""
        items: list[dict[str, Any]] = self.get("/outbox", self.finance)["items"]
        return items

    def resume_parked(self) -> None:
        """Send what was refused again, and let it arrive."""
        for message in self.parked():
            answer = self.finance.post(f"/outbox/{message['id']}/resumptions")
            assert answer.status_code == 202, answer.text
        self.settle()


@contextmanager
def open_town(
    database: Database,
    wallet_database: Database,
    callers: Callers,
    today: Callable[[str], None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Town]:
    """Give a town on 1 October 2026, with 10,000.00 in its fund and a wallet behind HTTP."""
    house = open_house(wallet_database, callers, today, folder, monkeypatch)
    town = Town(database, house, callers, today)
    try:
        yield town
    finally:
        town.close()
