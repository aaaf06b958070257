"""A town for tests over HTTP: organisations, participants and the people behind the desks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import FastAPI

from foundation.access import Role
from foundation.database import Database
from foundation.identifiers import new_id
from tests.support.builders.burgerbudget import LedgerOnPaper, run_jobs
from tests.support.callers import Callers, Client

NAME = "burgerbudget"


@dataclass
class Town:
    """What a test needs to speak with the burgerbudget as anybody."""

    database: Database
    api: FastAPI
    callers: Callers
    today: Callable[[str], None]
    ledger: LedgerOnPaper = field(default_factory=LedgerOnPaper)

    def client(self, role: Role, subject: str | None = None, **claims: Any) -> Client:
        return self.callers.client(self.api, NAME, role, subject, **claims)

    def organisation(self, **changes: Any) -> str:
        body = {
            "name": "Buurthuis De Brug",
            "rsin": "811535642",
            "status": "anbi",
            "recognisedFrom": "2019-01-01",
            "paysAllowance": False,
            **changes,
        }
        answer = self.client(Role.CASEWORKER).post("/organisations", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def participant(self, enrolled_on: str, holder: str | None = None, number: str | None = None) -> str:
        body = {
            "holderId": holder or str(new_id()),
            "regeling": "burgerbudget",
            "enrolledOn": enrolled_on,
            "receivesBijstand": False,
            **({"number": number} if number else {}),
        }
        answer = self.client(Role.CASEWORKER).post("/participants", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["number"])

    def reporter(self, organisation: str) -> Client:
        return self.client(Role.ORGANISATION, f"org-{organisation}", organisation_id=organisation)

    def work(self) -> None:
        run_jobs(self.database, self.ledger)

    def close(self, quarter: str) -> None:
        answer = self.client(Role.FINANCE_MAKER).post(f"/quarters/{quarter}/closings")
        assert answer.status_code == 202, answer.text
        self.work()

    def seen(self, number: str) -> dict[str, Any]:
        answer = self.client(Role.CASEWORKER).get(f"/participants/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def quarter_of(self, number: str, quarter: str) -> dict[str, Any]:
        return next(one for one in self.seen(number)["quarters"] if one["quarter"] == quarter)


def row(number: str, **changes: Any) -> dict[str, Any]:
    """An hour row that nobody has a reason to refuse."""
    return {
        "externalId": str(UUID(int=new_id().int)),
        "participantNumber": number,
        "workedOn": "2026-07-02",
        "hours": "2.75",
        "activity": "koffie schenken",
        **changes,
    }


def code(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal, whose shape is looked at on the way."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == answer.status_code
    for error in document["errors"]:
        assert set(error) == {"pointer", "code", "message"}
    assert answer.headers["API-Version"]
    return answer.status_code, document["errors"][0]["code"]
