"""Organisations, participants and hours for tests, and the worker's jobs run to their end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from burgerbudget import tasks
from burgerbudget.actions import closings, enrolment, settling
from burgerbudget.actions import hours as hour_actions
from burgerbudget.models import Hour
from foundation import outbox
from foundation.database import Database
from foundation.identifiers import new_id
from foundation.outbox import DeliveryRefused, Handler, Leased
from foundation.periods import Quarter
from foundation.row_files import RawRow

ADVANCES = 200


def an_organisation(database: Database, **changes: Any) -> UUID:
    """Register a recognised organisation."""
    values: dict[str, Any] = {
        "name": "Buurthuis De Brug",
        "rsin": "811535642",
        "status": "anbi",
        "recognised_from": date(2019, 1, 1),
        "recognised_until": None,
        "pays_allowance": False,
        "actor": "an",
    } | changes
    return database.run(lambda db: enrolment.register_organisation(db, **values).id)


def a_participant(
    database: Database, enrolled_on: str = "2026-07-01", number: str | None = None, **changes: Any
) -> str:
    """Enrol somebody; returns the number."""
    values: dict[str, Any] = {
        "holder_id": str(new_id()),
        "number": number,
        "regeling": "burgerbudget",
        "enrolled_on": date.fromisoformat(enrolled_on),
        "receives_bijstand": False,
        "actor": "an",
    } | changes
    return database.run(lambda db: enrolment.enrol(db, **values).number)


def hours_worked(
    database: Database, organisation: UUID, participant: str, hours: str, worked_on: str, external_id: str | None = None
) -> Hour:
    """Report one row of hours."""
    raw = RawRow(1, (external_id or str(new_id()), participant, worked_on, hours, "koffie"))
    return database.run(lambda db: hour_actions.report_hour(db, organisation, raw, "org")[0])


@dataclass
class LedgerOnPaper:
    """Stands where the wallet answers: keeps purses by the rules that the wallet promises, for tests of what is sent.

    It refuses what the wallet would: a purse below 0, a budget above 1,000.00, a grant key used twice, and a fund
    that holds too little.
    """

    fund: int = 100_000_000
    purses: dict[str, int] = field(default_factory=dict)
    grant_keys: set[str] = field(default_factory=set)
    journals: list[Mapping[str, Any]] = field(default_factory=list)
    held: int = 0

    def handlers(self) -> Mapping[str, Handler]:
        return {
            settling.POST_TRANSFERS: Handler(self._post),
            closings.OPEN_HOLD: Handler(self._hold, done=closings.hold_opened, parked=closings.hold_refused),
        }

    def _hold(self, message: Leased) -> Mapping[str, Any]:
        if self.fund - self.held < message.payload["amount"]:
            raise DeliveryRefused("tooLittle", "fund:burgerbudget heeft te weinig")
        self.held += message.payload["amount"]
        return {"id": str(new_id())}

    def _post(self, message: Leased) -> Mapping[str, Any]:
        for line in message.payload["transfers"]:
            assert line["grantKey"] not in self.grant_keys, f"{line['grantKey']} sent twice"
            self.grant_keys.add(line["grantKey"])
            amount = line["amount"]
            if line["source"].startswith("fund:"):
                if "holdId" in line:
                    self.held -= amount
                if self.fund - self.held < amount:
                    raise DeliveryRefused("tooLittle", "fund:burgerbudget heeft te weinig")
                self.fund -= amount
            else:
                self.purses[line["source"]] = self.purses.get(line["source"], 0) - amount
                assert self.purses[line["source"]] >= 0, f"{line['source']} below zero"
            self.purses[line["destination"]] = self.purses.get(line["destination"], 0) + amount
            if line["destination"].endswith(":burgerbudget"):
                assert self.purses[line["destination"]] <= 100_000, f"{line['destination']} above the ceiling"
        self.journals.append(message.payload)
        return {"id": str(len(self.journals))}

    def purse(self, database: Database, participant: str, code: str) -> int:
        """What a participant's purse holds."""
        with database.transaction() as db:
            holder = db.execute(
                text("SELECT holder_id FROM burgerbudget.participant WHERE number = :number"), {"number": participant}
            ).scalar_one()
        return self.purses.get(f"holder:{holder}:{code}", 0)


def run_jobs(database: Database, ledger: LedgerOnPaper) -> None:
    """Do what the workers do until nothing is left to do."""
    for _ in range(ADVANCES):
        tasks.work_through_files(database, lambda: None, lambda: None)
        tasks.do_jobs(database, lambda: None)
        delivered = False
        while outbox.deliver_one(database, ledger.handlers()):
            delivered = True
        if not delivered:
            return
    raise AssertionError("the jobs do not come to an end")


def close(database: Database, ledger: LedgerOnPaper, quarter: str) -> None:
    """Ask for the close of a quarter and work until nothing is left to do."""
    database.run(lambda db: closings.start_closing(db, Quarter.parse(quarter), "fin"))
    run_jobs(database, ledger)
