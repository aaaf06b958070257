"""Usage of a month over HTTP, and what the four ways would cost. No wallet is needed for either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from belkosten.app import make_api
from belkosten.rules.tariffs import Tariff, cost_of
from foundation.access import Role
from foundation.clock import now
from foundation.database import Database
from foundation.identifiers import new_id
from tests.support.callers import Callers
from tests.support.databases import ServiceDatabase

BANK, DOCTOR, DEBTS = "+31781112233", "+31781112244", "+31781112255"
NOTHING = {"activeUsers": None, "calls": None, "seconds": None, "cost": None}


class Month:
    """October 2026 as its rows stand in the database."""

    def __init__(self, database: Database, api: FastAPI, callers: Callers) -> None:
        self.database, self.api, self.callers = database, api, callers
        self.bill = new_id()
        self._write(
            "INSERT INTO belkosten.file_import (id, kind, sender, inbox_id, media_type, dry_run, partial, state, rows_done,"
            " attempts, accepted, known, refused, received_by, received_at) VALUES (:id, 'invoice', 'telco', :id, 'csv|;|',"
            " false, false, 'imported', 0, 0, 0, 0, 0, 'mara', :now)",
            [{"id": self.bill, "now": now()}],
        )
        self._write(
            "INSERT INTO belkosten.invoice (id, provider, sha256, lines, matched, approved_total, received_on)"
            " VALUES (:id, 'telco', '', 0, 0, 0, '2026-11-01')",
            [{"id": self.bill}],
        )
        self.numbers = {
            number: self._approved(number, organisation, category)
            for number, organisation, category in (
                (BANK, "Kredietbank", "kredietbank"),
                (DOCTOR, "Huisartsenpost", "zorg"),
                (DEBTS, "Incasso BV", "incasso"),
            )
        }

    def _write(self, statement: str, rows: Sequence[dict[str, Any]]) -> None:
        with self.database.transaction() as db:
            db.execute(text(statement), rows)

    def _approved(self, number: str, organisation: str, category: str) -> Any:
        approved = new_id()
        self._write(
            "INSERT INTO belkosten.approved_number (id, number, organisation, category, valid_from, registered_by,"
            " registered_at) VALUES (:id, :number, :organisation, :category, '2026-01-01', 'olga', :now)",
            [{"id": approved, "number": number, "organisation": organisation, "category": category, "now": now()}],
        )
        return approved

    def enrol(
        self,
        count: int,
        neighbourhood: str | None = None,
        product: str = "belapp",
        days: tuple[str, str | None] = ("2026-01-01", None),
    ) -> list[str]:
        """Have so many people take part; gives their numbers."""
        holders = [str(new_id()) for _ in range(count)]
        self._write(
            "INSERT INTO belkosten.participant (holder_id, neighbourhood, registered_by, registered_at)"
            " VALUES (:holder, :neighbourhood, 'olga', :now)",
            [{"holder": holder, "neighbourhood": neighbourhood, "now": now()} for holder in holders],
        )
        with self.database.reading() as db:
            found = db.execute(
                text("SELECT number FROM belkosten.participant WHERE holder_id = ANY(:holders)"), {"holders": holders}
            )
            numbers = [row.number for row in found]
        self._write(
            "INSERT INTO belkosten.participation (id, participant_number, product, ground, starts_on, ends_on, state,"
            " registered_by, by_person, registered_on, registered_at, checked_by, checked_on, returned)"
            " VALUES (:id, :number, :product, 'minimapas', :first, :last, 'confirmed', 'hanna', false, :first, :now,"
            " 'olga', :first, false)",
            [
                {"id": new_id(), "number": one, "product": product, "first": days[0], "last": days[1], "now": now()}
                for one in numbers
            ],
        )
        return numbers

    def call(self, people: Sequence[str], seconds: int, number: str = BANK, day: str = "2026-10-01") -> None:
        """Have each of these people call once; a number that is not approved makes a call that does not count."""
        approved = self.numbers.get(number)
        self._write(
            "INSERT INTO belkosten.call (id, provider, call_id, participant_number, started_at, called_on, seconds, outcome,"
            " approved_number_id, tariff, billable_seconds, cost, state, import_id, rated_on, rated_at) VALUES (:id,"
            " 'telco', :call, :who, :now, :day, :seconds, :outcome, :approved, :tariff, :billable, :cost, 'waiting',"
            " :file, :day, :now)",
            [
                {
                    "id": new_id(),
                    "call": str(new_id()),
                    "who": who,
                    "now": now(),
                    "day": day,
                    "seconds": seconds,
                    "outcome": "rated" if approved else "numberNotApproved",
                    "approved": approved,
                    "tariff": 2300 if approved else None,
                    "billable": seconds if approved else 0,
                    "cost": cost_of(seconds, Tariff(2300)) if approved else 0,
                    "file": self.bill,
                }
                for who in people
            ],
        )

    def ask_for(self, people: Sequence[str]) -> None:
        """Have a bill ask a cent too much for every call of these people."""
        self._write(
            "INSERT INTO belkosten.invoice_line (invoice_id, row, call_id, participant_number, started_at, seconds, amount,"
            " call, code, difference) SELECT :bill, substr(c.participant_number, 4)::int, c.call_id, c.participant_number,"
            " c.started_at, c.seconds, c.cost + 1, c.id, 'priceDiffers', 1"
            "  FROM belkosten.call c WHERE c.participant_number = ANY(:people)",
            [{"bill": self.bill, "people": list(people)}],
        )

    def client(self, role: Role) -> Any:
        return self.callers.client(self.api, "belkosten", role)

    def usage(self, query: str = "", month: str = "2026-10") -> dict[str, Any]:
        answer = self.client(Role.AUDITOR).get(f"/usage?month={month}{query}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def compare(self, role: Role = Role.PASS_HOLDER, **body: Any) -> Any:
        return self.client(role).post("/cost-comparisons", json=body, headers={"Idempotency-Key": ""})


@pytest.fixture
def month(belkosten_db: ServiceDatabase, callers: Callers, today: Callable[[str], None]) -> Month:
    """A month in which nobody takes part yet."""
    today("2026-11-01")
    return Month(belkosten_db.database, make_api(belkosten_db.database, callers.verifier("belkosten")), callers)


def test_a_month_is_told_in_people_seconds_and_cents_and_nothing_about_few(month: Month) -> None:
    krispijn, wielwijk, unknown = month.enrol(12, "Krispijn"), month.enrol(9, "Wielwijk"), month.enrol(3)
    # Twelve call the bank for a minute, eleven the doctor for two, three a debt collector for a minute and a half.
    month.call(krispijn, 60)
    month.call([*krispijn[:2], *wielwijk], 120, DOCTOR)
    month.call(unknown, 90, DEBTS)
    month.call(krispijn, 60, "+31201234567")
    month.call(krispijn, 60, BANK, "2026-09-30")
    found = month.usage("&targetGroup=240")
    assert (found["participants"], found["activeUsers"], found["calls"]) == (24, 24, 26)
    # 12 × 60 + 11 × 120 + 3 × 90 seconds; 12 × 0.23 + 11 × 0.46 + 3 × 0.35.
    assert (found["seconds"], found["cost"]) == (2310, 887)
    # 24 of 240 people, and 8.87 over 24.
    assert (found["takeUp"], found["costPerUser"]) == ("10.0", 37)
    assert found["perCategory"] == [
        {"category": "incasso", **NOTHING},
        # Hidden with the three: less what is shown, the total would tell what these called.
        {"category": "kredietbank", "activeUsers": 12, "calls": 12, "seconds": 720, "cost": 276},
        {"category": "zorg", **NOTHING},
    ]
    assert [(one["organisation"], one["cost"]) for one in found["mostCalled"]] == [("Kredietbank", 276)]
    # Twelve people: 12 × 0.23 for the bank and 2 × 0.46 for the doctor.
    home = {
        "neighbourhood": "Krispijn",
        "participants": 12,
        "activeUsers": 12,
        "calls": 14,
        "seconds": 960,
        "cost": 368,
    }
    assert found["perNeighbourhood"] == [
        home,
        {"neighbourhood": "Wielwijk", "participants": None, **NOTHING},
        {"neighbourhood": None, "participants": None, **NOTHING},
    ]
    assert [tuple(one.values()) for one in found["perProduct"]] == [
        ("belapp", 24, 887),
        ("toestel", None, None),
        ("sim-only", None, None),
        ("prepaid", None, None),
    ]
    assert found["billed"] is None


def test_with_fewer_than_ten_callers_a_month_shows_who_takes_part_and_nothing_of_their_calls(month: Month) -> None:
    month.call(month.enrol(12)[:9], 60)
    found = month.usage()
    assert found["participants"] == 12
    hidden = [found[name] for name in (*NOTHING, "costPerUser", "billed", "takeUp")]
    assert hidden == [None] * 7
    assert (found["perCategory"], found["mostCalled"]) == ([{"category": "kredietbank", **NOTHING}], [])


def test_what_was_billed_is_shown_while_it_and_the_rest_are_about_enough_people(month: Month) -> None:
    people = month.enrol(24)
    month.call(people, 60)
    month.ask_for(people[:9])
    assert month.usage()["billed"] is None
    month.ask_for(people[9:14])
    assert month.usage()["billed"] == 14 * 24
    # Of four people nothing was asked: less what was billed, the cost would tell of them.
    month.ask_for(people[14:20])
    assert month.usage()["billed"] is None
    month.ask_for(people[20:])
    assert month.usage()["billed"] == 24 * 24


def test_whoever_took_part_on_any_day_of_the_month_counts_in_it(month: Month) -> None:
    month.enrol(10, days=("2026-01-01", "2026-10-01"))
    month.enrol(5, days=("2026-10-31", None))
    month.enrol(3, days=("2026-08-01", "2026-09-30"))
    month.enrol(11, product="sim-only")
    found = month.usage()
    assert found["participants"] == 15
    assert [one["participants"] for one in found["perProduct"]] == [15, None, 11, None]
    assert month.usage(month="2026-09")["participants"] == 13


def test_usage_is_for_caseworkers_and_auditors(month: Month) -> None:
    officer = month.client(Role.CASEWORKER)
    assert officer.get("/usage?month=2026-10").status_code == 200
    for role in (Role.HELPER, Role.FINANCE_MAKER, Role.PROVIDER, Role.PASS_HOLDER):
        assert month.client(role).get("/usage?month=2026-10").status_code == 403
    for query in ("", "?month=2026-13", "?month=2026-10&targetGroup=0"):
        assert officer.get(f"/usage{query}").status_code == 400, query


def test_the_comparison_gives_the_figures_of_the_source_to_anyone_signed_in(month: Month) -> None:
    answer = month.compare(users=700, minutesPerUserMonth=90)
    assert answer.status_code == 200, answer.text
    names = ("oneOff", "yearly", "perUserYear", "oneOffPerUser", "firstYearPerUser", "minutesForTenEuro")
    assert {one["product"]: tuple(one[name] for name in names) for one in answer.json()["options"]} == {
        "belapp": (750_000, 1_090_000, 1557, 1071, 2629, None),
        "toestel": (None, None, None, None, None, None),
        "sim-only": (None, 8_400_000, 12_000, None, None, None),
        "prepaid": (None, 17_388_000, 24_840, None, None, 43),
    }
    for bad in ({"users": 0}, {"users": "700"}, {"users": 10_000_001}, {"users": 1, "minutesPerUserMonth": 44_641}, {}):
        assert month.compare(Role.AUDITOR, **bad).status_code == 400, bad
