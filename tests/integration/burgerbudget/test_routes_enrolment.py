"""Organisations and participants over HTTP, field by field as in the contract."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.access import Role
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import Town, code, row

AN_ORGANISATION = {
    "name": "Buurthuis De Brug",
    "rsin": "811535642",
    "status": "sbbi",
    "recognisedFrom": "2024-01-01",
    "recognisedUntil": "2026-12-31",
    "paysAllowance": False,
}


def an_enrolment(**changes: Any) -> dict[str, Any]:
    return {
        "holderId": str(new_id()),
        "regeling": "burgerbudget",
        "enrolledOn": "2026-07-01",
        "receivesBijstand": False,
        **changes,
    }


def without(body: dict[str, Any], field: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != field}


class TestOrganisations:
    def test_one_is_registered_and_in_force_at_once(self, town: Town) -> None:
        answer = town.client(Role.CASEWORKER).post("/organisations", json=AN_ORGANISATION)
        assert answer.status_code == 201
        assert answer.json() == {"id": answer.json()["id"], **AN_ORGANISATION}
        assert answer.headers["API-Version"] == "1.0.0"
        number = town.participant("2026-07-01")
        assert town.reporter(answer.json()["id"]).post("/hours", json=row(number)).status_code == 201

    def test_the_end_of_the_recognition_may_be_left_out(self, town: Town) -> None:
        answer = town.client(Role.CASEWORKER).post("/organisations", json=without(AN_ORGANISATION, "recognisedUntil"))
        assert (answer.status_code, answer.json()["recognisedUntil"]) == (201, None)

    def test_one_that_pays_an_allowance_is_registered_and_its_hours_refused(self, town: Town) -> None:
        organisation = town.organisation(paysAllowance=True)
        number = town.participant("2026-07-01")
        answer = town.reporter(organisation).post("/hours", json=row(number))
        assert code(answer) == (409, "paysAllowance")

    @pytest.mark.parametrize("field", ["name", "rsin", "status", "recognisedFrom", "paysAllowance"])
    def test_a_field_that_is_missing_is_pointed_at(self, field: str, quiet_town: Town) -> None:
        answer = quiet_town.client(Role.CASEWORKER).post("/organisations", json=without(AN_ORGANISATION, field))
        assert code(answer)[0] == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"rsin": "123456789"},
            {"rsin": "81153564"},
            {"status": "stichting"},
            {"name": ""},
            {"name": "nul\u0000"},
            {"recognisedFrom": "01-01-2024"},
            {"recognisedFrom": 0},
            {"recognisedFrom": "2024-01-01T00:00:00Z"},
            {"recognisedUntil": "2023-12-31"},
            {"paysAllowance": "misschien"},
            {"paysAllowance": "no"},
            {"paysAllowance": 0},
            {"iban": "NL91ABNA0417164300"},
        ],
    )
    def test_what_is_malformed_is_a_bad_request(self, wrong: dict[str, Any], quiet_town: Town) -> None:
        answer = quiet_town.client(Role.CASEWORKER).post("/organisations", json={**AN_ORGANISATION, **wrong})
        assert code(answer)[0] == 400
        # What was sent is never sent back: it may be about a person.
        assert str(next(iter(wrong.values())) or "-") not in answer.text or next(iter(wrong.values())) in ("", 0, "no")


class TestParticipants:
    def test_an_enrolment_answers_with_number_start_and_status(self, town: Town) -> None:
        caseworker = town.client(Role.CASEWORKER)
        own = caseworker.post("/participants", json=an_enrolment(number="DRD-7"))
        assert own.status_code == 201
        assert own.json() == {"number": "DRD-7", "startQuarter": "2026-Q3", "status": "active"}
        made = [caseworker.post("/participants", json=an_enrolment()).json()["number"] for _ in range(2)]
        assert made == ["1000001", "1000002"]

    @pytest.mark.parametrize(("day", "quarter"), [("2026-07-07", "2026-Q3"), ("2026-07-08", "2026-Q4")])
    def test_the_first_seven_days_decide_the_start_quarter(self, day: str, quarter: str, town: Town) -> None:
        """BB-1."""
        answer = town.client(Role.CASEWORKER).post("/participants", json=an_enrolment(enrolledOn=day))
        assert answer.json()["startQuarter"] == quarter

    def test_the_start_amount_is_credited_once_the_quarter_has_begun(self, town: Town) -> None:
        """BB-1."""
        now, later = town.participant("2026-07-01"), town.participant("2026-07-08")
        town.work()
        assert town.ledger.purse(town.database, now, "burgerbudget") == 100_000
        assert town.ledger.purse(town.database, later, "burgerbudget") == 0
        town.today("2026-10-01")
        town.work()
        assert town.ledger.purse(town.database, later, "burgerbudget") == 100_000

    def test_nobody_takes_part_twice(self, town: Town) -> None:
        caseworker = town.client(Role.CASEWORKER)
        first = an_enrolment(number="DRD-7")
        assert caseworker.post("/participants", json=first).status_code == 201
        assert code(caseworker.post("/participants", json={**first, "number": "DRD-8"})) == (409, "alreadyEnrolled")
        assert code(caseworker.post("/participants", json=an_enrolment(number="DRD-7"))) == (409, "numberTaken")

    @pytest.mark.parametrize(
        ("changes", "refusal"),
        [
            ({"regeling": "burgerbaan"}, "regelingNotOffered"),
            ({"enrolledOn": "2023-06-30"}, "noParameter"),
            ({"enrolledOn": "2026-12-31"}, "noParameter"),
            ({"enrolledOn": "9999-12-31"}, "noParameter"),
            ({"enrolledOn": "0001-01-01"}, "noParameter"),
        ],
    )
    def test_what_a_rule_does_not_allow_is_refused_with_its_code(
        self, changes: dict[str, Any], refusal: str, quiet_town: Town
    ) -> None:
        answer = quiet_town.client(Role.CASEWORKER).post("/participants", json=an_enrolment(**changes))
        assert code(answer) == (409, refusal)

    def test_an_enrolment_is_dated_back_into_the_oldest_open_quarter_at_most(self, town: Town) -> None:
        town.participant("2026-04-01")
        town.close("2026-Q2")
        caseworker = town.client(Role.CASEWORKER)
        late = caseworker.post("/participants", json=an_enrolment(enrolledOn="2026-06-30"))
        assert code(late) == (409, "quarterClosed")
        assert caseworker.post("/participants", json=an_enrolment(enrolledOn="2026-07-01")).status_code == 201

    @pytest.mark.parametrize(
        "wrong",
        [
            {"holderId": "1"},
            {"holderId": None},
            {"number": ""},
            {"number": "a b"},
            {"number": "x" * 33},
            {"number": "-7"},
            {"regeling": "bijstand"},
            {"enrolledOn": "2026-02-30"},
            {"enrolledOn": 20260701},
            {"receivesBijstand": None},
            {"receivesBijstand": "ja"},
            {"bsn": "123456782"},
        ],
    )
    def test_what_is_malformed_is_a_bad_request(self, wrong: dict[str, Any], quiet_town: Town) -> None:
        answer = quiet_town.client(Role.CASEWORKER).post("/participants", json=an_enrolment(**wrong))
        assert code(answer)[0] == 400
        assert "123456782" not in answer.text

    def test_a_participation_is_shown_with_its_quarters(self, town: Town) -> None:
        holder = str(new_id())
        number = town.participant("2026-07-01", holder)
        town.reporter(town.organisation()).post("/hours", json=row(number, hours="4"))
        answer = town.client(Role.AUDITOR).get(f"/participants/{number}")
        assert answer.json() == {
            "number": number,
            "holderId": holder,
            "regeling": "burgerbudget",
            "enrolledOn": "2026-07-01",
            "startQuarter": "2026-Q3",
            "status": "active",
            "insufficientQuarters": 0,
            "quarters": [{"quarter": "2026-Q3", "hours": "4", "used": 5996, "toppedUp": 0, "judgement": "open"}],
        }

    def test_everybody_sees_what_is_theirs_and_no_more(self, town: Town) -> None:
        mine, other = str(new_id()), str(new_id())
        number = town.participant("2026-07-01", mine)
        for role, claims, status in (
            (Role.PASS_HOLDER, {"holder_id": mine}, 200),
            (Role.PASS_HOLDER, {"holder_id": other}, 404),
            (Role.PASS_HOLDER, {}, 404),
            (Role.CASEWORKER, {}, 200),
            (Role.AUDITOR, {}, 200),
            (Role.ORGANISATION, {"organisation_id": town.organisation()}, 403),
            (Role.HELPER, {"holder_id": mine}, 403),
            (Role.FINANCE_MAKER, {}, 403),
            (Role.ADMIN, {}, 403),
        ):
            assert town.client(role, **claims).get(f"/participants/{number}").status_code == status, (role, claims)
        hidden = town.client(Role.PASS_HOLDER, holder_id=other).get(f"/participants/{number}").json()
        absent = town.client(Role.PASS_HOLDER, holder_id=other).get("/participants/999").json()
        assert hidden["errors"][0]["code"] == absent["errors"][0]["code"] == "unknownParticipant"

    @pytest.mark.parametrize("number", ["999", "%00", "a%00b", "%2e%2e", "x" * 5000, "%F0%9F%98%80", "'; --"])
    def test_a_number_that_nobody_has_is_not_found(self, number: str, quiet_town: Town) -> None:
        for path in (f"/participants/{number}", f"/participants/{number}/hours", f"/participants/{number}/decisions"):
            assert code(quiet_town.client(Role.AUDITOR).get(path))[0] == 404, path
        assert code(quiet_town.client(Role.CASEWORKER).post(f"/participants/{number}/restarts"))[0] == 404


class TestRestarts:
    def stopped(self, town: Town) -> str:
        town.today("2025-07-01")
        number = town.participant("2025-07-01")
        for quarter, day in (
            ("2025-Q3", "2025-10-01"),
            ("2025-Q4", "2026-01-01"),
            ("2026-Q1", "2026-04-01"),
            ("2026-Q2", "2026-07-01"),
        ):
            town.today(day)
            town.close(quarter)
        assert town.seen(number)["status"] == "stopped"
        return number

    def test_a_restart_begins_with_counter_0_and_no_new_start_amount(self, town: Town) -> None:
        """BB-7: started again on day 7, in the same quarter; the balance is carried over and top-ups resume."""
        number = self.stopped(town)
        organisation = town.organisation()
        town.today("2026-07-07")
        refused = town.reporter(organisation).post("/hours", json=row(number, workedOn="2026-07-02"))
        assert code(refused) == (409, "stopped")
        answer = town.client(Role.CASEWORKER).post(f"/participants/{number}/restarts")
        assert (answer.status_code, answer.json()) == (
            201,
            {"number": number, "startQuarter": "2025-Q3", "status": "active"},
        )
        assert town.seen(number)["insufficientQuarters"] == 0
        for day, hours in (("2026-07-02", "24"), ("2026-07-03", "12")):
            assert (
                town.reporter(organisation).post("/hours", json=row(number, workedOn=day, hours=hours)).status_code
                == 201
            )
        town.today("2026-10-01")
        town.close("2026-Q3")
        assert town.quarter_of(number, "2026-Q3") == {
            "quarter": "2026-Q3", "hours": "36", "used": 53964, "toppedUp": 53964, "judgement": "sufficient",
        }  # fmt: skip
        assert [journal["kind"] for journal in town.ledger.journals].count("start") == 1
        assert town.ledger.purse(town.database, number, "burgerbudget") == 100_000

    def test_a_restart_after_day_seven_begins_the_next_quarter(self, town: Town) -> None:
        number = self.stopped(town)
        town.today("2026-07-08")
        assert town.client(Role.CASEWORKER).post(f"/participants/{number}/restarts", json={}).status_code == 201
        refused = town.reporter(town.organisation()).post("/hours", json=row(number, workedOn="2026-07-08"))
        assert code(refused) == (409, "stopped")
        town.today("2026-10-01")
        town.close("2026-Q3")
        assert [one["quarter"] for one in town.seen(number)["quarters"]] == ["2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2"]

    def test_only_what_was_stopped_starts_again(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        assert code(town.client(Role.CASEWORKER).post(f"/participants/{number}/restarts")) == (409, "notStopped")
        assert code(town.client(Role.CASEWORKER).post("/participants/999/restarts")) == (404, "unknownParticipant")
