"""Hours one by one over HTTP: every code of the contract with its status, corrections, and who sees what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foundation.access import Role
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import Town, code, row
from tests.support.callers import Client

HOUR_KEYS = {
    "id", "externalId", "participantNumber", "workedOn", "hours", "activity", "organisation", "importId", "corrects",
    "reason", "receivedAt",
}  # fmt: skip


class TestReporting:
    def test_a_row_is_accepted_once_and_known_ever_after(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        body = row(number, externalId="a-1", hours="2.75")
        first = reporter.post("/hours", json=body)
        assert first.status_code == 201
        accepted = first.json()
        assert set(accepted) == HOUR_KEYS
        assert {name: accepted[name] for name in body} == body
        assert accepted["receivedAt"].endswith("Z")
        # The same row written in another way is the same row.
        for same in (body, {**body, "hours": 2.75}, {**body, "hours": "2,750"}, {**body, "workedOn": "02-07-2026"}):
            again = reporter.post("/hours", json=same)
            assert (again.status_code, again.json()["id"]) == (200, accepted["id"])
        town.work()
        assert town.quarter_of(number, "2026-Q3")["hours"] == "2.75"
        assert town.ledger.purse(town.database, number, "vrij") == 4122  # 2.75 x 14.99 = 41.2225

    def test_an_external_id_belongs_to_its_organisation(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        body = row(number, externalId="1")
        for _ in range(2):
            assert town.reporter(town.organisation()).post("/hours", json=body).status_code == 201
        assert town.quarter_of(number, "2026-Q3")["hours"] == "5.5"

    @pytest.mark.parametrize(
        ("changes", "status", "refusal"),
        [
            ({"externalId": ""}, 400, "malformed"),
            ({"externalId": ...}, 400, "malformed"),
            ({"externalId": None}, 400, "malformed"),
            ({"externalId": "x" * 101}, 400, "malformed"),
            ({"externalId": "a\u0000"}, 400, "malformed"),
            ({"externalId": "a\ud800"}, 400, "malformed"),
            ({"participantNumber": " "}, 400, "malformed"),
            ({"participantNumber": "1\u00002"}, 400, "malformed"),
            ({"workedOn": ""}, 400, "malformed"),
            ({"workedOn": ...}, 400, "malformed"),
            ({"workedOn": "2026-02-30"}, 400, "malformed"),
            ({"workedOn": "gisteren"}, 400, "malformed"),
            ({"workedOn": 20260702}, 400, "malformed"),
            ({"hours": ""}, 400, "malformed"),
            ({"hours": ...}, 400, "malformed"),
            ({"hours": None}, 400, "malformed"),
            ({"hours": "twee"}, 400, "malformed"),
            ({"hours": "1e1"}, 400, "malformed"),
            ({"hours": 1e22}, 400, "malformed"),
            ({"hours": True}, 400, "malformed"),
            ({"hours": ["2"]}, 400, "malformed"),
            ({"activity": "x" * 201}, 400, "malformed"),
            ({"activity": "\ud800"}, 400, "malformed"),
            ({"purpose": "x"}, 400, "malformed"),
            ({"participantNumber": "999"}, 409, "unknownParticipant"),
            ({"hours": "0"}, 400, "hoursOutOfRange"),
            ({"hours": "-2"}, 400, "hoursOutOfRange"),
            ({"hours": "24.25"}, 400, "hoursOutOfRange"),
            ({"hours": "24.1"}, 400, "hoursOutOfRange"),
            ({"hours": "2.7"}, 400, "notQuarterHours"),
            ({"hours": 0.1}, 400, "notQuarterHours"),
            ({"workedOn": "2026-07-21"}, 409, "dateInFuture"),
            ({"workedOn": "9999-12-31"}, 409, "dateInFuture"),
            ({"workedOn": "2026-06-30"}, 409, "beforeStart"),
            ({"workedOn": "0001-01-01"}, 409, "beforeStart"),
        ],
    )
    def test_a_row_with_something_wrong_is_refused_with_its_code(
        self, changes: dict[str, Any], status: int, refusal: str, quiet_town: Town
    ) -> None:
        number = quiet_town.participant("2026-07-01")
        body = {name: value for name, value in {**row(number), **changes}.items() if value is not ...}
        content = json.dumps(body).encode()
        reporter = quiet_town.reporter(quiet_town.organisation())
        answer = reporter.post("/hours", content=content, headers={"Content-Type": "application/json"})
        assert code(answer) == (status, refusal)
        assert quiet_town.seen(number)["quarters"] == []

    def test_recognition_counts_on_the_date_worked_until_its_last_day(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation(recognisedFrom="2026-07-03", recognisedUntil="2026-07-05"))
        answers = [reporter.post("/hours", json=row(number, workedOn=f"2026-07-{day:02d}")) for day in range(2, 7)]
        assert [answer.status_code for answer in answers] == [409, 201, 201, 201, 409]
        assert code(answers[0]) == code(answers[4]) == (409, "notRecognised")

    def test_a_day_holds_24_hours_over_all_organisations(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        first, second = town.reporter(town.organisation()), town.reporter(town.organisation())
        assert first.post("/hours", json=row(number, hours="20")).status_code == 201
        full = second.post("/hours", json=row(number, hours="4.25"))
        assert code(full) == (409, "dayFull")
        assert "20" not in full.json()["detail"].replace("2026", ""), "what others reported is none of its business"
        assert second.post("/hours", json=row(number, hours="4")).status_code == 201
        assert code(second.post("/hours", json=row(number, hours="0.25"))) == (409, "dayFull")

    def test_codes_are_tested_in_the_order_of_the_contract(self, town: Town) -> None:
        """One row with everything wrong, mended piece by piece."""
        number = town.participant("2026-07-01")
        pays, fine = town.organisation(paysAllowance=True), town.organisation(recognisedUntil="2026-07-01")
        reporter = town.reporter(fine)
        assert reporter.post("/hours", json=row(number, externalId="taken", workedOn="2026-07-01")).status_code == 201
        body = row("999", externalId="taken", hours="x", workedOn="2026-07-21")
        seen = [code(reporter.post("/hours", json=body))[1]]
        body["externalId"] = "new"
        seen.append(code(town.reporter(pays).post("/hours", json=body))[1])
        body["hours"] = "24.1"
        seen.append(code(town.reporter(pays).post("/hours", json=body))[1])
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["participantNumber"] = number
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["hours"] = "23.9"
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["hours"] = "24"
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["workedOn"] = "2026-06-30"
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["workedOn"] = "2026-07-02"
        seen.append(code(reporter.post("/hours", json=body))[1])
        body["workedOn"] = "2026-07-01"
        seen.append(code(reporter.post("/hours", json=body))[1])
        assert seen == [
            "externalIdReused", "malformed", "paysAllowance", "unknownParticipant", "hoursOutOfRange", "notQuarterHours",
            "dateInFuture", "beforeStart", "notRecognised", "dayFull",
        ]  # fmt: skip

    def test_a_refused_row_takes_no_external_id(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        assert code(reporter.post("/hours", json=row(number, externalId="a", hours="2.7")))[0] == 400
        assert reporter.post("/hours", json=row(number, externalId="a", hours="2.75")).status_code == 201

    def test_only_an_organisation_that_is_registered_reports(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        for claims in ({}, {"organisation_id": str(new_id())}, {"organisation_id": "buurthuis"}):
            answer = town.client(Role.ORGANISATION, **claims).post("/hours", json=row(number))
            assert code(answer) == (403, "organisationUnknown"), claims

    def test_what_waits_for_the_quarter_before_is_used_after_its_close(self, town: Town) -> None:
        """BB-3."""
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        town.today("2026-10-01")
        assert reporter.post("/hours", json=row(number, workedOn="2026-10-01", hours="3")).status_code == 201
        town.work()
        assert town.quarter_of(number, "2026-Q4") == {
            "quarter": "2026-Q4", "hours": "3", "used": 0, "toppedUp": 0, "judgement": "open",
        }  # fmt: skip
        town.close("2026-Q3")
        assert town.quarter_of(number, "2026-Q4")["used"] == 4497

    def test_a_date_whose_wage_is_not_known_yet_is_refused(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        town.today("2027-01-02")
        answer = town.reporter(town.organisation()).post("/hours", json=row(number, workedOn="2027-01-01"))
        assert code(answer) == (409, "noParameter")


class TestCorrecting:
    def reported(self, town: Town, hours: str = "8") -> tuple[str, Client, dict[str, Any]]:
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        return number, reporter, reporter.post("/hours", json=row(number, hours=hours)).json()

    def test_a_correction_upwards_is_used_and_one_downwards_posts_nothing(self, town: Town) -> None:
        """BB-8: 8 h = 119.92; down to 6 h nothing; up again to 9 h the ninth hour only: 14.99."""
        number, reporter, first = self.reported(town)
        down = reporter.post(f"/hours/{first['id']}/corrections", json={"hours": "6", "reason": "verkeerd geteld"})
        assert down.status_code == 201
        assert set(down.json()) == HOUR_KEYS
        assert (down.json()["corrects"], down.json()["hours"], down.json()["reason"]) == (
            first["id"], "6", "verkeerd geteld",
        )  # fmt: skip
        town.work()
        assert town.quarter_of(number, "2026-Q3") == {
            "quarter": "2026-Q3", "hours": "6", "used": 11992, "toppedUp": 0, "judgement": "open",
        }  # fmt: skip
        assert town.ledger.purse(town.database, number, "vrij") == 11992
        up = reporter.post(f"/hours/{down.json()['id']}/corrections", json={"hours": 9, "reason": "toch meer"})
        assert up.status_code == 201
        town.work()
        assert town.quarter_of(number, "2026-Q3")["used"] == 13491
        assert town.ledger.purse(town.database, number, "vrij") == 13491

    def test_zero_takes_a_row_back(self, town: Town) -> None:
        number, reporter, first = self.reported(town)
        answer = reporter.post(f"/hours/{first['id']}/corrections", json={"hours": "0", "reason": "niet gewerkt"})
        assert (answer.status_code, answer.json()["hours"]) == (201, "0")
        assert town.quarter_of(number, "2026-Q3")["hours"] == "0"
        assert reporter.post("/hours", json=row(number, hours="24")).status_code == 201

    def test_a_lowered_quarter_is_judged_by_what_is_left(self, town: Town) -> None:
        number, reporter, first = self.reported(town, "24")
        reporter.post("/hours", json=row(number, workedOn="2026-07-03", hours="12"))
        reporter.post(f"/hours/{first['id']}/corrections", json={"hours": "23.75", "reason": "kwartier te veel"})
        town.today("2026-10-01")
        town.close("2026-Q3")
        assert town.quarter_of(number, "2026-Q3")["judgement"] == "insufficient"

    def test_a_row_is_corrected_once_and_then_its_correction(self, town: Town) -> None:
        _, reporter, first = self.reported(town)
        path = f"/hours/{first['id']}/corrections"
        assert reporter.post(path, json={"hours": "6", "reason": "a"}).status_code == 201
        assert code(reporter.post(path, json={"hours": "5", "reason": "b"})) == (409, "alreadyCorrected")

    @pytest.mark.parametrize(
        ("body", "status", "refusal"),
        [
            ({"hours": "24.25", "reason": "x"}, 400, "hoursOutOfRange"),
            ({"hours": "-1", "reason": "x"}, 400, "hoursOutOfRange"),
            ({"hours": "2.6", "reason": "x"}, 400, "notQuarterHours"),
            ({"hours": "veel", "reason": "x"}, 400, "malformed"),
            ({"hours": None, "reason": "x"}, 400, "malformed"),
            ({"hours": "2", "reason": " "}, 400, "malformed"),
            ({"hours": "2", "reason": "a\nb"}, 400, "malformed"),
            ({"hours": "2"}, 400, "missing"),
            ({"hours": "17", "reason": "x"}, 409, "dayFull"),
        ],
    )
    def test_a_correction_that_cannot_be_is_refused(
        self, body: dict[str, Any], status: int, refusal: str, quiet_town: Town
    ) -> None:
        number, reporter, first = self.reported(quiet_town)
        quiet_town.reporter(quiet_town.organisation()).post("/hours", json=row(number, hours="8"))
        assert code(reporter.post(f"/hours/{first['id']}/corrections", json=body)) == (status, refusal)
        assert quiet_town.quarter_of(number, "2026-Q3")["hours"] == "16"

    def test_nobody_corrects_the_rows_of_another(self, town: Town) -> None:
        _, _, first = self.reported(town)
        other = town.reporter(town.organisation())
        body = {"hours": "1", "reason": "x"}
        assert code(other.post(f"/hours/{first['id']}/corrections", json=body)) == (404, "unknownHour")
        assert code(other.post(f"/hours/{new_id()}/corrections", json=body)) == (404, "unknownHour")
        assert code(other.post("/hours/x/corrections", json=body)) == (404, "unknownHour")


class TestSeeing:
    """BB-11: an organisation works with numbers of participants and sees nothing of money or holders."""

    MONEY = ("used", "toppedUp", "amount", "budget", "wage", "holder", "bsn", "iban", "14.99", "granted")

    def test_what_an_organisation_is_shown_has_no_money_and_no_holder(self, town: Town) -> None:
        holder = str(new_id())
        number = town.participant("2026-07-01", holder)
        organisation = town.organisation()
        reporter = town.reporter(organisation)
        hour = reporter.post("/hours", json=row(number, hours="8")).json()
        corrected = reporter.post(f"/hours/{hour['id']}/corrections", json={"hours": "6", "reason": "x"}).json()
        town.work()
        shown = [hour, corrected, reporter.get(f"/hours/{hour['id']}").json()]
        listed = reporter.get(f"/participants/{number}/hours").json()
        assert set(listed) == {"items", "nextCursor"}
        shown += listed["items"]
        assert len(shown) == 5
        for one in shown:
            assert set(one) == HOUR_KEYS
            assert not [word for word in self.MONEY if word.lower() in str(one).lower()], one
            assert holder not in str(one)
        for path in (f"/participants/{number}", f"/participants/{number}/decisions", f"/decisions/{new_id()}"):
            assert code(reporter.get(path)) == (403, "roleNotAllowed")
        assert code(reporter.get("/quarters/2026-Q3")) == (403, "roleNotAllowed")
        assert code(reporter.get("/outbox")) == (403, "roleNotAllowed")

    def test_an_organisation_sees_its_own_rows_only(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        mine, other = town.reporter(town.organisation()), town.reporter(town.organisation(name="Speeltuin"))
        hour = mine.post("/hours", json=row(number, hours="8")).json()
        assert mine.get(f"/hours/{hour['id']}").json()["hours"] == "8"
        assert code(other.get(f"/hours/{hour['id']}")) == (404, "unknownHour")
        assert other.get(f"/participants/{number}/hours").json() == {"items": [], "nextCursor": None}
        assert code(town.client(Role.ORGANISATION).get(f"/participants/{number}/hours"))[0] == 404
        assert code(town.client(Role.ORGANISATION).get(f"/hours/{hour['id']}"))[0] == 404

    def test_a_participant_has_a_copy_of_every_report_with_who_made_it(self, town: Town) -> None:
        holder = str(new_id())
        number = town.participant("2026-07-01", holder)
        hours = [
            town.reporter(town.organisation(name=name)).post("/hours", json=row(number, hours="4")).json()
            for name in ("Buurthuis", "Speeltuin")
        ]
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        listed = own.get(f"/participants/{number}/hours").json()["items"]
        assert [(one["id"], one["organisation"]) for one in listed] == [
            (hours[1]["id"], "Speeltuin"),
            (hours[0]["id"], "Buurthuis"),
        ]
        assert own.get(f"/hours/{hours[0]['id']}").json()["id"] == hours[0]["id"]
        stranger = town.client(Role.PASS_HOLDER, holder_id=str(new_id()))
        assert code(stranger.get(f"/hours/{hours[0]['id']}")) == (404, "unknownHour")
        assert code(stranger.get(f"/participants/{number}/hours")) == (404, "unknownParticipant")
        for path in (f"/hours/{new_id()}", "/hours/x", "/hours/%00"):
            assert code(own.get(path))[0] == 404

    def test_lists_come_in_pages_that_join_up(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        reporter = town.reporter(town.organisation())
        ids = [reporter.post("/hours", json=row(number, hours="0.25")).json()["id"] for _ in range(5)]
        auditor = town.client(Role.AUDITOR)
        for path, expected in (
            (f"/participants/{number}/hours", ids[::-1]),
            (f"/participants/{number}/decisions", None),
        ):
            seen: list[str] = []
            address = f"{path}?limit=2"
            while address:
                answer = auditor.get(address)
                seen += [one["id"] for one in answer.json()["items"]]
                cursor = answer.json()["nextCursor"]
                address = f"{path}?limit=2&cursor={cursor}" if cursor else ""
                assert ('rel="next"' in answer.headers.get("Link", "")) == (cursor is not None)
            assert len(seen) == len(set(seen)) == (5 if expected else 6)
            assert expected is None or seen == expected

    @pytest.mark.parametrize(
        "query", ["cursor=x", "cursor=eyJpZCI6MX0", "cursor=eyJpZCI6IngifQ", "limit=0", "limit=1001", "limit=a"]
    )
    def test_a_forged_cursor_or_limit_is_a_bad_request(self, query: str, quiet_town: Town) -> None:
        number = quiet_town.participant("2026-07-01")
        for path in (f"/participants/{number}/hours", f"/participants/{number}/decisions"):
            assert code(quiet_town.client(Role.AUDITOR).get(f"{path}?{query}"))[0] == 400
