"""Notices over HTTP: what a participant is told, who may read it, and that it was read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from burgerbudget.app import make_api
from foundation.access import Role
from foundation.identifiers import new_id
from tests.integration.burgerbudget.town import NAME, Town, code, row


def told(town: Town, number: str, query: str = "") -> list[dict[str, Any]]:
    answer = town.client(Role.CASEWORKER).get(f"/participants/{number}/notices{query}")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def closed_town(town: Town, holder: str) -> str:
    """Somebody who worked 36 hours in 2026-Q3, which is closed."""
    number = town.participant("2026-07-01", holder)
    reporter = town.reporter(town.organisation())
    for day in ("2026-07-02", "2026-07-03"):
        reporter.post("/hours", json=row(number, hours="18", workedOn=day))
    town.today("2026-10-01")
    town.close("2026-Q3")
    return number


class TestReading:
    def test_a_pass_holder_reads_what_was_decided_why_and_until_when_one_may_object(self, town: Town) -> None:
        holder = str(new_id())
        number = closed_town(town, holder)
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        answer = own.get(f"/participants/{number}/notices")
        assert answer.status_code == 200
        top_up, start = answer.json()["items"]
        assert answer.json()["nextCursor"] is None
        assert set(top_up) == {
            "id", "kind", "subject", "text", "decisionId", "madeOn", "objectUntil", "readAt",
        }  # fmt: skip
        assert (top_up["kind"], top_up["subject"]) == ("top-up", "Wij vullen uw burgerbudget aan")
        assert (top_up["madeOn"], top_up["objectUntil"], top_up["readAt"]) == ("2026-10-01", "2026-11-12", None)
        assert "U werkte 36 uur in het 3e kwartaal van 2026" in top_up["text"]
        assert "wij vullen uw burgerbudget aan met € 539,64." in top_up["text"]
        assert "bezwaar maken tot en met 12 november 2026" in top_up["text"]
        assert "Gemeente Voorbeeldstad, afdeling Bezwaar" in top_up["text"]
        assert top_up["text"].endswith(f"Het nummer van dit besluit is {top_up['decisionId']}.")
        assert (start["kind"], start["madeOn"], start["objectUntil"]) == ("start", "2026-07-20", "2026-08-31")
        decision = own.get(f"/decisions/{top_up['decisionId']}").json()
        assert (decision["kind"], decision["amount"]) == ("top-up", 53964)
        assert decision["objectUntil"] == top_up["objectUntil"]

    def test_a_stop_is_a_decision_that_can_be_read_too(self, town: Town) -> None:
        """BB-6: with reasons and objection term of its own, beside those of the judgement."""
        town.today("2025-07-01")
        holder = str(new_id())
        number = town.participant("2025-07-01", holder)
        for quarter, day in (
            ("2025-Q3", "2025-10-01"),
            ("2025-Q4", "2026-01-01"),
            ("2026-Q1", "2026-04-01"),
            ("2026-Q2", "2026-07-01"),
        ):
            town.today(day)
            town.close(quarter)
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        stop, judgement = own.get(f"/participants/{number}/decisions?limit=2").json()["items"]
        assert stop == {
            "id": stop["id"],
            "kind": "stop",
            "participantNumber": number,
            "quarter": "2026-Q2",
            "amount": 0,
            "hours": "0",
            "wage": None,
            "budgetBefore": 100_000,
            "sourceKind": None,
            "sourceId": None,
            "grantKey": None,
            "decidedOn": "2026-07-01",
            "reasons": "2026-Q2 is uw 4e kwartaal achter elkaar met minder dan 36 uur. Daarom stopt uw deelname."
            " Uw burgerbudget blijft € 1.000,00; er wordt niets teruggehaald.",
            "objectUntil": "2026-08-12",
        }
        assert judgement["kind"] == "insufficient"
        assert own.get(f"/decisions/{stop['id']}").json() == stop
        assert [(one["kind"], one["decisionId"]) for one in told(town, number)[:2]] == [
            ("stop", stop["id"]),
            ("insufficient", judgement["id"]),
        ]

    def test_notices_come_in_pages_newest_first(self, town: Town) -> None:
        number = closed_town(town, str(new_id()))
        client = town.client(Role.AUDITOR)
        first = client.get(f"/participants/{number}/notices?limit=1&unread=true")
        assert [one["kind"] for one in first.json()["items"]] == ["top-up"]
        cursor = first.json()["nextCursor"]
        assert f"cursor={cursor}" in first.headers["Link"]
        assert "unread=true" in first.headers["Link"]
        rest = client.get(f"/participants/{number}/notices?limit=1&unread=true&cursor={cursor}").json()
        assert ([one["kind"] for one in rest["items"]], rest["nextCursor"]) == (["start"], None)

    @pytest.mark.parametrize(
        "query", ["cursor=x", "cursor=eyJpZCI6IngifQ", "limit=0", "limit=1001", "unread=misschien"]
    )
    def test_what_nobody_gave_is_malformed(self, query: str, town: Town) -> None:
        number = town.participant("2026-07-01")
        assert code(town.client(Role.AUDITOR).get(f"/participants/{number}/notices?{query}"))[0] == 400

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
            answer = town.client(role, **claims).get(f"/participants/{number}/notices")
            assert answer.status_code == status, (role, claims)
        for absent in ("999", "%00", "'; --"):
            assert code(town.client(Role.AUDITOR).get(f"/participants/{absent}/notices"))[0] == 404

    def test_the_address_for_objections_is_that_of_the_settings(self, town: Town) -> None:
        number = town.participant("2026-07-01")
        town.api = make_api(
            town.database, town.callers.verifier(NAME), objection_address="Gemeente X, Postbus 8, 1234 AB Xdorp"
        )
        assert "Stuur een brief naar: Gemeente X, Postbus 8, 1234 AB Xdorp. " in told(town, number)[0]["text"]


class TestMarkingAsRead:
    def test_a_notice_is_read_once_however_often_it_is_opened(self, town: Town) -> None:
        holder = str(new_id())
        number = closed_town(town, holder)
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        top_up, start = told(town, number)
        path = f"/notices/{top_up['id']}/readings"
        first = own.post(path, headers={"Idempotency-Key": "k"})
        assert first.status_code == 201
        read_at = first.json()["readAt"]
        assert datetime.fromisoformat(read_at).utcoffset() is not None
        assert first.json() == {**top_up, "readAt": read_at}
        repeated = own.post(path, headers={"Idempotency-Key": "k"})
        assert (repeated.status_code, repeated.headers["Idempotency-Hit"]) == (201, "true")
        again = own.post(path)
        assert (again.status_code, again.json()) == (200, first.json())
        assert told(town, number) == [first.json(), start]
        assert told(town, number, "?unread=true") == [start]
        assert told(town, number, "?unread=false") == [first.json(), start]

    def test_nobody_reads_for_another(self, town: Town) -> None:
        mine = str(new_id())
        number = town.participant("2026-07-01", mine)
        [start] = told(town, number)
        path = f"/notices/{start['id']}/readings"
        for role, claims, expected in (
            (Role.PASS_HOLDER, {"holder_id": str(new_id())}, (404, "unknownNotice")),
            (Role.PASS_HOLDER, {}, (404, "unknownNotice")),
            (Role.CASEWORKER, {"holder_id": mine}, (403, "roleNotAllowed")),
            (Role.AUDITOR, {"holder_id": mine}, (403, "roleNotAllowed")),
            (Role.HELPER, {"holder_id": mine}, (403, "roleNotAllowed")),
        ):
            assert code(town.client(role, **claims).post(path)) == expected, (role, claims)
        assert told(town, number)[0]["readAt"] is None

    def test_a_use_has_no_notice_and_what_is_not_there_is_not_found(self, town: Town) -> None:
        holder = str(new_id())
        number = town.participant("2026-07-01", holder)
        town.reporter(town.organisation()).post("/hours", json=row(number, hours="2"))
        own = town.client(Role.PASS_HOLDER, holder_id=holder)
        use = own.get(f"/participants/{number}/decisions").json()["items"][0]
        assert use["kind"] == "use"
        for absent in (use["id"], str(new_id()), "x", "%00"):
            assert code(own.post(f"/notices/{absent}/readings"))[0] == 404


class TestFindingOneself:
    def test_a_pass_holder_finds_the_number_of_their_own_participation_only(self, town: Town) -> None:
        mine, other = str(new_id()), str(new_id())
        number = town.participant("2026-07-01", mine)
        found = {
            "items": [{"number": number, "startQuarter": "2026-Q3", "status": "active"}],
            "nextCursor": None,
        }
        nobody = {"items": [], "nextCursor": None}
        for role, claims, expected in (
            (Role.PASS_HOLDER, {"holder_id": mine}, found),
            (Role.PASS_HOLDER, {"holder_id": other}, nobody),
            (Role.PASS_HOLDER, {}, nobody),
            (Role.CASEWORKER, {}, found),
            (Role.AUDITOR, {}, found),
        ):
            answer = town.client(role, **claims).get(f"/participants?holderId={mine}")
            assert (answer.status_code, answer.json()) == (200, expected), (role, claims)
        assert town.client(Role.PASS_HOLDER, holder_id=other).get(f"/participants?holderId={other}").json() == nobody

    @pytest.mark.parametrize("query", ["", "?holderId=", "?holderId=%00", "?holderId=" + "x" * 101, "?holderId=a%20b"])
    def test_a_person_must_be_named(self, query: str, quiet_town: Town) -> None:
        assert code(quiet_town.client(Role.CASEWORKER).get(f"/participants{query}"))[0] == 400
