"""A provider's desk in a town that several tests share: calls asked, told and looked at, under ids of this desk alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from foundation import clock
from foundation.identifiers import new_id
from tests.integration.belkosten.phone_town import FIRST_DAY, Town, open_town
from tests.support.callers import Callers, Client
from tests.support.databases import TestServer
from wallet.ledger import actions as ledger

BANK = "+31781112233"
SHELTER = "+31781112244"
UNLISTED = "+31612345678"
HEADER = "callId;participantNumber;calledNumber;startedAt;seconds"
MORNING = "2026-10-01T10:00:00+02:00"


@contextmanager
def open_shared_town(server: TestServer, callers: Callers, folder: Path) -> Iterator[Town]:
    """Give a town that outlives a test, where the bank and the shelter may be called."""
    day = folder / "business-date"
    with (
        server.fresh("wallet") as wallet,
        server.fresh("belkosten") as belkosten,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(clock.DATE_FILE_SETTING, str(day))
        with open_town(belkosten.database, wallet.database, callers, day.write_text, folder, patch) as town:  # type: ignore[arg-type]
            town.approve(BANK)
            town.approve(SHELTER, "Opvang", "hulpverlening")
            yield town


def record(call: str, participant: str, seconds: object, number: str = BANK, at: str = MORNING) -> tuple[object, ...]:
    """Make a row of a file of call records."""
    return (call, participant, number, at, seconds)


def as_csv(*rows: Sequence[object]) -> str:
    """Write records as a file."""
    return "\n".join([HEADER, *(";".join(str(cell) for cell in row) for row in rows)])


class Desk:
    """Speaks as a provider whom nobody else is; `clearing` is what its calls came to."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.provider = f"telco-{new_id()}"
        self.client = town.provider(self.provider)
        town.today(FIRST_DAY)

    def ask(self, call: str, participant: str, number: str = BANK, *, by: Client | None = None) -> dict[str, Any]:
        """Ask whether a call may be made, as a provider does before it connects it."""
        answer = self.asked(call, participant, number, by=by)
        assert answer.status_code == 200, answer.text
        answered: dict[str, Any] = answer.json()
        return answered

    def asked(self, call: str, participant: str, number: str = BANK, *, by: Client | None = None) -> Any:
        """Ask, and give the whole answer."""
        body = {"callId": call, "participantNumber": participant, "calledNumber": number}
        return (by or self.client).post("/call-authorisations", json=body, headers={"Idempotency-Key": ""})

    def tell(self, *rows: Sequence[object], query: str = "?partial=true") -> dict[str, Any]:
        """Send records as CSV, have them worked through and settled, and give what became of the file."""
        return self.send(as_csv(*rows), "text/csv", query)

    def send(self, content: str, media_type: str, query: str = "?partial=true") -> dict[str, Any]:
        """Send any file of records, have it worked through and settled, and give what became of it."""
        answer = self.post(content, media_type, query)
        assert answer.status_code == 202, answer.text
        self.town.settle()
        found: dict[str, Any] = self.client.get(f"/call-records/batches/{answer.json()['id']}").json()
        return found

    def post(self, content: str, media_type: str, query: str = "?partial=true") -> Any:
        """Send any file of records, and give the answer; nobody works through it yet."""
        headers = {"Content-Type": media_type}
        return self.client.post(f"/call-records/batches{query}", content=content, headers=headers)

    def calls(self) -> dict[str, dict[str, Any]]:
        """Give every call of this desk as it is kept, by call id."""
        with self.town.database.reading() as db:
            rows = db.execute(
                text("SELECT * FROM belkosten.call WHERE provider = :provider"), {"provider": self.provider}
            )
            return {row["call_id"]: dict(row) for row in rows.mappings()}

    def paid(self, call: str) -> tuple[Any, ...]:
        """Give a call's outcome, its cost, and what it took from the caller and from the fund."""
        found = self.calls()[call]
        return found["outcome"], found["cost"], found["from_hold"], found["from_fund"]

    def clearing(self) -> int:
        """Give what stands in the ledger under the calls of this desk, for their provider."""
        ids = [f"call/{one['id']}" for one in self.calls().values()]
        with self.town.house.database.reading() as db:
            return int(
                db.execute(
                    text(
                        "SELECT coalesce(sum(e.amount), 0) FROM ledger.entry e WHERE e.reference = ANY(:ids)"
                        " AND e.account_id = (SELECT id FROM ledger.account WHERE address = 'clearing:belkosten')"
                    ),
                    {"ids": ids},
                ).scalar_one()
            )

    def purse(self, participant: str) -> tuple[int, int]:
        """Give what is in a caller's purse, and how much of it is set apart."""
        return self.town.balance(participant), self.town.held(participant)


def expire_holds(town: Town) -> None:
    """Have every hold expire that has an end, as time would."""
    with town.house.database.transaction() as db:
        ledger.expire_holds(db, clock.now().replace(year=2099), 1_000, "clock")
