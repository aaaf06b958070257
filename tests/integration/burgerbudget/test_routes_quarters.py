"""Closing quarters over HTTP, the decisions that follow, and who may come in at each door."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.access import Role
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import NAME, Town, code, row
from tests.support.callers import Client

QUARTER_KEYS = {
    "quarter",
    "state",
    "phase",
    "participants",
    "sufficient",
    "insufficient",
    "stopped",
    "toppedUp",
    "problem",
}


def figures(town: Town, quarter: str) -> dict[str, Any]:
    answer = town.client(Role.AUDITOR).get(f"/quarters/{quarter}")
    assert answer.status_code == 200
    assert set(answer.json()) == QUARTER_KEYS
    return {name: value for name, value in answer.json().items() if name not in ("quarter", "phase", "problem")}


OPEN = {"state": "open", "participants": 0, "sufficient": 0, "insufficient": 0, "stopped": 0, "toppedUp": 0}


class TestClosing:
    def test_a_close_is_asked_for_once_and_again_changes_nothing(self, town: Town) -> None:
        people = [town.participant("2026-07-01") for _ in range(3)]
        reporter = town.reporter(town.organisation())
        for number, last in zip(people, ("12", "11.75", "24"), strict=True):
            reporter.post("/hours", json=row(number, hours="24"))
            reporter.post("/hours", json=row(number, hours=last, workedOn="2026-07-03"))
        maker = town.client(Role.FINANCE_MAKER)
        assert code(maker.post("/quarters/2026-Q3/closings")) == (409, "quarterNotEnded")
        assert figures(town, "2026-Q3") == OPEN
        town.today("2026-09-30")
        assert code(maker.post("/quarters/2026-Q3/closings")) == (409, "quarterNotEnded")
        town.today("2026-10-01")
        first = maker.post("/quarters/2026-Q3/closings")
        assert first.status_code == 202
        assert first.json()["state"] == "closing"
        assert figures(town, "2026-Q3") == {**OPEN, "state": "closing"}
        assert maker.post("/quarters/2026-Q3/closings").status_code == 202
        town.work()
        # 36 h = 539.64, 48 h = 719.52; 35.75 h is insufficient.
        done = {
            "state": "closed",
            "participants": 3,
            "sufficient": 2,
            "insufficient": 1,
            "stopped": 0,
            "toppedUp": 125916,
        }
        assert figures(town, "2026-Q3") == done
        posted = len(town.ledger.journals)
        again = maker.post("/quarters/2026-Q3/closings")
        assert (again.status_code, again.json()["state"]) == (202, "closed")
        town.work()
        assert figures(town, "2026-Q3") == done
        assert len(town.ledger.journals) == posted

    def test_quarters_are_closed_in_order(self, town: Town) -> None:
        town.participant("2026-04-01")
        town.today("2026-10-01")
        maker = town.client(Role.FINANCE_MAKER)
        assert code(maker.post("/quarters/2026-Q3/closings")) == (409, "previousQuarterOpen")
        assert maker.post("/quarters/2026-Q2/closings").status_code == 202
        assert code(maker.post("/quarters/2026-Q3/closings")) == (409, "previousQuarterOpen")
        town.work()
        assert maker.post("/quarters/2026-Q3/closings").status_code == 202

    @pytest.mark.parametrize("quarter", ["2026-Q5", "2026Q3", "x", "%00", "2026-Q3%20", "0000-Q1"])
    def test_what_is_no_quarter_is_not_found(self, quarter: str, quiet_town: Town) -> None:
        maker = quiet_town.client(Role.FINANCE_MAKER)
        for answer in (
            maker.get(f"/quarters/{quarter}"),
            maker.post(f"/quarters/{quarter}/closings"),
            maker.post(f"/quarters/{quarter}/resumptions"),
        ):
            assert code(answer)[0] == 404

    def test_the_last_quarter_of_all_is_open_and_has_not_ended(self, town: Town) -> None:
        assert figures(town, "9999-Q4") == OPEN
        answer = town.client(Role.FINANCE_MAKER).post("/quarters/9999-Q4/closings")
        assert code(answer) == (409, "quarterNotEnded")

    def test_a_stop_is_counted_at_the_close_that_brings_it(self, town: Town) -> None:
        """BB-6."""
        town.today("2025-07-01")
        number = town.participant("2025-07-01")
        for quarter, day in (("2025-Q3", "2025-10-01"), ("2025-Q4", "2026-01-01"), ("2026-Q1", "2026-04-01")):
            town.today(day)
            town.close(quarter)
            assert figures(town, quarter)["stopped"] == 0
        town.today("2026-07-01")
        town.close("2026-Q2")
        assert figures(town, "2026-Q2") == {
            **OPEN,
            "state": "closed",
            "participants": 1,
            "insufficient": 1,
            "stopped": 1,
        }
        seen = town.seen(number)
        assert (seen["status"], seen["insufficientQuarters"]) == ("stopped", 4)

    def test_a_fund_that_is_empty_is_told_and_resumed(self, town: Town) -> None:
        town.ledger.fund = 100_000
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        for day in ("2026-07-02", "2026-07-03"):
            reporter.post("/hours", json=row(number, hours="18", workedOn=day))
        town.today("2026-10-01")
        town.close("2026-Q3")
        maker = town.client(Role.FINANCE_MAKER)
        waiting = maker.get("/quarters/2026-Q3").json()
        assert (waiting["state"], waiting["problem"]["code"]) == ("closing", "tooLittle")
        town.ledger.fund = 100_000
        resumed = maker.post("/quarters/2026-Q3/resumptions")
        assert (resumed.status_code, resumed.json()["problem"]) == (202, None)
        town.work()
        assert figures(town, "2026-Q3")["state"] == "closed"
        assert town.ledger.purse(town.database, number, "burgerbudget") == 100_000

    def test_late_hours_make_a_closed_quarter_sufficient(self, town: Town) -> None:
        """BB-9: 20 h in time, 16 h late: 36 h = 539.64 used in all and topped up."""
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        reporter.post("/hours", json=row(number, hours="20"))
        town.today("2026-10-01")
        town.close("2026-Q3")
        assert town.seen(number)["insufficientQuarters"] == 1
        assert reporter.post("/hours", json=row(number, hours="16", workedOn="2026-07-03")).status_code == 201
        town.work()
        assert town.quarter_of(number, "2026-Q3") == {
            "quarter": "2026-Q3", "hours": "36", "used": 53964, "toppedUp": 53964, "judgement": "sufficient",
        }  # fmt: skip
        assert town.seen(number)["insufficientQuarters"] == 0
        assert town.ledger.purse(town.database, number, "burgerbudget") == 100_000


class TestDecisions:
    def test_the_way_from_a_euro_back_to_its_hour_row(self, town: Town) -> None:
        holder = str(new_id())
        number = town.participant("2026-07-01", holder)
        hour = town.reporter(town.organisation()).post("/hours", json=row(number, hours="2")).json()
        town.work()
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        use, start = own.get(f"/participants/{number}/decisions").json()["items"]
        assert own.get(f"/decisions/{use['id']}").json() == use
        assert use == {
            "id": use["id"],
            "kind": "use",
            "participantNumber": number,
            "quarter": "2026-Q3",
            "amount": 2998,
            "hours": "2",
            "wage": 1499,
            "budgetBefore": 100_000,
            "sourceKind": "hour",
            "sourceId": hour["id"],
            "grantKey": f"use/{hour['id']}/{number}/2026-Q3",
            "decidedOn": "2026-07-20",
            "reasons": "In 2026-Q3 zijn tot nu toe 2 uur bevestigd, tegen € 14,99 per uur."
            " Daarom ging € 29,98 van uw burgerbudget naar vrij te besteden.",
            "objectUntil": "2026-08-31",
        }
        assert use["grantKey"] in town.ledger.grant_keys
        assert own.get(f"/hours/{use['sourceId']}").json()["id"] == hour["id"]
        assert (start["kind"], start["amount"], start["grantKey"]) == ("start", 100_000, f"start/{number}")

    def test_a_decision_about_another_is_not_there(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        [start] = town.client(Role.AUDITOR).get(f"/participants/{number}/decisions").json()["items"]
        path = f"/decisions/{start['id']}"
        for role, claims, status in (
            (Role.AUDITOR, {}, 200),
            (Role.CASEWORKER, {}, 200),
            (Role.PASS_HOLDER, {"holder_id": str(new_id())}, 404),
            (Role.PASS_HOLDER, {}, 404),
            (Role.ORGANISATION, {"organisation_id": str(new_id())}, 403),
            (Role.HELPER, {}, 403),
        ):
            assert town.client(role, **claims).get(path).status_code == status, role
        for absent in (str(new_id()), "x", "%00"):
            assert code(town.client(Role.AUDITOR).get(f"/decisions/{absent}"))[0] == 404


DOORS: list[tuple[str, str, set[Role]]] = [
    ("POST", "/organisations", {Role.CASEWORKER}),
    ("POST", "/participants", {Role.CASEWORKER}),
    ("POST", "/participants/1/restarts", {Role.CASEWORKER}),
    ("GET", "/participants", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR}),
    ("GET", "/participants/1", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR}),
    ("GET", "/participants/1/hours", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR, Role.ORGANISATION}),
    ("GET", "/participants/1/decisions", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR}),
    ("GET", "/participants/1/notices", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR}),
    ("POST", "/notices/1/readings", {Role.PASS_HOLDER}),
    ("POST", "/hours", {Role.ORGANISATION}),
    ("GET", "/hours/1", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR, Role.ORGANISATION}),
    ("POST", "/hours/1/corrections", {Role.ORGANISATION}),
    ("POST", "/hours/batches", {Role.ORGANISATION}),
    ("GET", "/hours/batches/1", {Role.ORGANISATION}),
    ("POST", "/quarters/2026-Q3/closings", {Role.FINANCE_MAKER}),
    ("POST", "/quarters/2026-Q3/resumptions", {Role.FINANCE_MAKER}),
    ("GET", "/quarters/2026-Q3", {Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR}),
    ("GET", "/decisions/1", {Role.PASS_HOLDER, Role.CASEWORKER, Role.AUDITOR}),
]


def knock(client: Client, method: str, path: str, **arguments: Any) -> Any:
    return client.post(path, json={}, **arguments) if method == "POST" else client.get(path)


def test_every_door_opens_for_its_roles_only(town: Town) -> None:
    clients = {role: town.client(role) for role in Role}
    service = town.callers.service_client(town.api, NAME, "wallet")
    nobody = Client(town.api, base_url=f"http://test/api/{NAME}/v1")
    for method, path, roles in DOORS:
        for role, client in clients.items():
            answer = knock(client, method, path)
            if role in roles:
                assert answer.status_code not in (401, 405, 500), (method, path, role)
                assert answer.status_code != 403 or code(answer)[1] == "organisationUnknown", (method, path, role)
            else:
                assert code(answer) == (403, "roleNotAllowed"), (method, path, role)
        assert code(knock(service, method, path)) == (403, "roleNotAllowed")
        assert code(knock(nobody, method, path)) == (401, "unauthenticated")


def test_every_command_needs_a_key(town: Town) -> None:
    for method, path, roles in DOORS:
        if method == "POST":
            client = town.client(next(iter(roles)), organisation_id=str(new_id()))
            answer = knock(client, method, path, headers={"Idempotency-Key": ""})
            assert code(answer) == (400, "idempotencyKeyMissing"), path


def test_every_door_is_in_the_list(town: Town) -> None:
    paths = town.api.openapi()["paths"]
    here = {(method.upper(), path) for path, methods in paths.items() for method in methods if "/outbox" not in path}
    listed = {(method, f"/api/{NAME}/v1" + "/".join(_template(path))) for method, path, _ in DOORS}
    assert {(method, _shape(path)) for method, path in here} == {(method, _shape(path)) for method, path in listed}


def _template(path: str) -> list[str]:
    return path.split("/")


def _shape(path: str) -> str:
    """Put one sign for every part of an address that is not a fixed word."""
    return "/".join("*" if part.startswith("{") or part in ("1", "2026-Q3") else part for part in path.split("/"))
