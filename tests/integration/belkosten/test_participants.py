"""Taking part: by the person or a helper, on a ground, one product at a time, moved at a month's end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from foundation.access import Role
from tests.integration.belkosten.phone_town import Town
from tests.support.callers import Client


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def test_who_is_enrolled_by_a_helper_takes_part_and_has_their_credit(town: Town) -> None:
    holder = town.holder()
    answer = town.helper.post("/participants", json=town.body(holder, neighbourhood="Wielwijk"))
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "number": "500001",
        "holderId": holder,
        "product": "belapp",
        "ground": "minimapas",
        "from": "2026-10-01",
        "until": None,
        "state": "active",
        "neighbourhood": "Wielwijk",
    }
    town.settle()
    found = town.get("/participants/500001", town.person(holder))
    # 10.00 at 0.23 a minute is 43 whole minutes.
    assert (found["creditLeft"], found["minutesLeft"], found["nextCreditOn"]) == (1_000, 43, "2026-11-01")
    assert found["monthCredit"] == {"month": "2026-10", "ceiling": 1_000, "amount": 1_000}
    assert [one["state"] for one in found["participations"]] == ["active"]


def test_a_holder_that_the_wallet_does_not_know_is_refused_and_one_that_it_cannot_ask_about_is_postponed(
    town: Town,
) -> None:
    stranger = "01900000-0000-7000-8000-000000000000"
    assert refused(town.officer.post("/participants", json=town.body(stranger))) == (409, "unknownHolder")
    holder, known = town.holder(), town.enrol()
    town.server.stop()
    away = town.officer.post("/participants", json=town.body(holder))
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    found = town.get(f"/participants/{known}")
    assert (found["state"], found["creditLeft"], found["minutesLeft"]) == ("active", None, None)


def test_a_ground_must_be_there_and_hold_on_the_first_day(town: Town) -> None:
    holder = town.holder()
    body = town.body(holder, ground="tozo")
    assert refused(town.helper.post("/participants", json=body)) == (409, "unknownGround")
    ground = {
        "code": "tozo",
        "name": "Tozo",
        "from": "2020-03-01",
        "until": "2026-10-09",
        "source": "Besluit van het college, 2026",
    }
    assert town.helper.post("/grounds", json=ground).status_code == 403
    added = town.officer.post("/grounds", json=ground)
    assert (added.status_code, added.json()) == (201, {**ground, "provesItself": False})
    assert refused(town.officer.post("/grounds", json=ground)) == (409, "groundThere")
    assert refused(town.helper.post("/participants", json=body | {"from": "2026-10-10"})) == (409, "groundNotInForce")
    assert town.helper.post("/participants", json=body | {"from": "2026-10-09"}).status_code == 201
    codes = [one["code"] for one in town.get("/grounds", town.telco)["items"]]
    assert sorted(codes) == ["bijstand", "gemeentepolis", "minimapas", "schulddienstverlening", "tozo"]
    assert town.officer.post("/grounds", json=ground | {"code": "x", "until": "2020-01-01"}).status_code == 400


def test_who_enrols_themselves_waits_for_a_caseworker_unless_the_ground_proves_itself(town: Town) -> None:
    holder, other = town.holder(), town.holder()
    person = town.person(holder)
    assert person.post("/participants", json=town.body(other)).status_code == 404
    asked = person.post("/participants", json=town.body(holder, ground="bijstand")).json()
    assert asked["state"] == "requested"
    number = asked["number"]
    town.settle()
    assert town.balance(number) == 0
    [waiting] = town.get("/participants?state=requested")["items"]
    assert waiting["number"] == number

    path = f"/participants/{number}/ground-checks"
    assert person.post(path, json={"outcome": "confirmed"}).status_code == 403
    themselves = town.client(Role.CASEWORKER, f"person-{holder}")
    assert refused(themselves.post(path, json={"outcome": "confirmed"})) == (403, "sameSubject")
    assert refused(town.officer.post(path, json={"outcome": "rejected"})) == (409, "reasonMissing")
    confirmed = town.officer.post(path, json={"outcome": "confirmed"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (201, "active")
    assert refused(town.officer.post(path, json={"outcome": "confirmed"})) == (409, "nothingRequested")
    town.settle()
    assert town.balance(number) == 1_000

    at_once = town.person(other).post("/participants", json=town.body(other)).json()
    assert at_once["state"] == "active"


def test_who_was_rejected_may_ask_again_and_keeps_their_number(town: Town) -> None:
    holder = town.holder()
    person = town.person(holder)
    body = town.body(holder, ground="gemeentepolis")
    number = person.post("/participants", json=body).json()["number"]
    path = f"/participants/{number}/ground-checks"
    town.officer.post(path, json={"outcome": "rejected", "reason": "U heeft geen gemeentepolis."})
    assert town.get(f"/participants/{number}", person)["state"] == "rejected"
    again = person.post("/participants", json=body)
    assert (again.status_code, again.json()["number"], again.json()["state"]) == (201, number, "requested")


def test_nobody_has_a_second_product_at_one_time(town: Town) -> None:
    holder = town.holder()
    town.helper.post("/participants", json=town.body(holder, until="2026-10-31"))
    second = town.body(holder, "sim-only")
    assert refused(town.officer.post("/participants", json=second)) == (409, "otherProduct")
    assert refused(town.officer.post("/participants", json=second | {"from": "2026-10-31"})) == (409, "otherProduct")
    later = town.officer.post("/participants", json=second | {"from": "2026-11-01"})
    assert (later.status_code, later.json()["number"], later.json()["state"]) == (201, "500001", "upcoming")


def test_of_two_registrations_at_once_one_is_accepted(town: Town) -> None:
    holder = town.holder()
    products = ["belapp", "sim-only", "prepaid", "toestel"]

    def post(product: str) -> Any:
        return town.officer.post("/participants", json=town.body(holder, product))

    with ThreadPoolExecutor(4) as together:
        answers = list(together.map(post, products))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    assert {refused(one) for one in answers if one.status_code == 409} == {(409, "otherProduct")}


def test_the_database_itself_refuses_a_second_product(town: Town) -> None:
    number = town.enrol()
    with pytest.raises(DBAPIError) as caught, town.database.transaction() as db:
        db.execute(
            text(
                "INSERT INTO belkosten.participation (id, participant_number, product, ground, starts_on, state,"
                " registered_by, by_person, registered_on, registered_at, checked_by, returned)"
                " VALUES (gen_random_uuid(), :number, 'prepaid', 'minimapas', '2027-01-01', 'confirmed', 'x', false,"
                " '2026-10-01', now(), 'y', false)"
            ),
            {"number": number},
        )
    assert isinstance(caught.value.orig, psycopg.errors.ExclusionViolation)


def test_a_start_lies_between_the_first_of_last_month_and_a_year_ahead(town: Town) -> None:
    starts = {"2026-08-31": 409, "2026-09-01": 201, "2027-10-01": 201, "2027-10-02": 409}
    for start, expected in starts.items():
        answer = town.helper.post("/participants", json=town.body(town.holder(), **{"from": start}))
        assert answer.status_code == expected, (start, answer.text)
        if expected == 409:
            assert refused(answer) == (409, "startOutOfRange")
    wrong = town.body(town.holder(), until="2026-09-30")
    assert town.helper.post("/participants", json=wrong).status_code == 400


def test_a_participant_is_seen_by_themselves_their_helper_and_the_municipality_only(town: Town) -> None:
    holder, other = town.holder(), town.holder()
    number, _ = town.enrol(holder=holder), town.enrol(holder=other)
    another_helper = town.client(Role.HELPER, "hugo")
    seen: dict[Client, int] = {
        town.person(holder): 200,
        town.person(other): 404,
        town.helper: 200,
        another_helper: 404,
        town.officer: 200,
        town.auditor: 200,
        town.finance: 403,
        town.telco: 403,
    }
    for client, expected in seen.items():
        assert client.get(f"/participants/{number}").status_code == expected
        for deed in ("endings", "product-changes", "withdrawals"):
            body = {"until": "2026-10-31"} if deed == "endings" else {"product": "toestel", "from": "2026-11-01"}
            if expected == 404:
                answer = client.post(f"/participants/{number}/{deed}", json=body if deed != "withdrawals" else None)
                assert answer.status_code == 404
    assert [one["number"] for one in town.get("/participants", town.person(holder))["items"]] == [number]
    assert town.get(f"/participants?holderId={other}", town.person(holder))["items"][0]["number"] == number
    assert town.get("/participants", another_helper)["items"] == []
    assert len(town.get("/participants", town.helper)["items"]) == 2
    assert town.officer.get("/participants/999999").status_code == 404


def test_a_list_is_paged_newest_first_and_filtered(town: Town) -> None:
    belapp, sim, ended = town.enrol(), town.enrol("sim-only"), town.enrol("toestel", until="2026-10-15")
    page = town.get("/participants?limit=2")
    assert [one["number"] for one in page["items"]] == [ended, sim]
    rest = town.get(f"/participants?limit=2&cursor={page['nextCursor']}")
    assert [one["number"] for one in rest["items"]] == [belapp]
    assert rest["nextCursor"] is None
    town.today("2026-11-02")
    by = {
        "product=sim-only": [sim],
        "state=ended": [ended],
        "state=active": [sim, belapp],
        "month=2026-11": [sim, belapp],
        "month=2026-10&product=toestel": [ended],
    }
    for query, numbers in by.items():
        assert [one["number"] for one in town.get(f"/participants?{query}")["items"]] == numbers, query
    assert town.officer.get("/participants?month=2026-13").status_code == 400
    assert town.officer.get("/participants?cursor=x").status_code == 400


def test_a_move_takes_place_at_the_turn_of_a_month_and_can_be_taken_back(town: Town) -> None:
    holder = town.holder()
    number, person = town.enrol(holder=holder), town.person(holder)
    town.on("2026-10-14")
    path = f"/participants/{number}/product-changes"
    for start in ("2026-10-15", "2026-10-01", "2026-11-02"):
        asked = {"product": "sim-only", "from": start}
        assert refused(person.post(path, json=asked)) == (409, "notAtMonthEnd")
    same = {"product": "belapp", "from": "2026-11-01"}
    assert refused(person.post(path, json=same)) == (409, "sameProduct")
    on_another_ground = {"product": "prepaid", "from": "2026-11-01", "ground": "bijstand"}
    assert refused(person.post(path, json=on_another_ground)) == (409, "groundNotChecked")
    moved = person.post(path, json={"product": "prepaid", "from": "2026-11-01"})
    assert (moved.status_code, moved.json()["state"], moved.json()["number"]) == (201, "upcoming", number)
    found = town.get(f"/participants/{number}", person)
    assert (found["product"], found["until"], found["nextCreditOn"]) == ("belapp", "2026-10-31", None)
    again = {"product": "sim-only", "from": "2026-11-01"}
    assert refused(town.officer.post(path, json=again)) == (409, "noProductThen")
    ending = town.officer.post(f"/participants/{number}/endings", json={"until": "2026-10-20"})
    assert refused(ending) == (409, "plannedLater")

    taken_back = person.post(f"/participants/{number}/withdrawals")
    assert (taken_back.status_code, taken_back.json()["state"]) == (201, "withdrawn")
    found = town.get(f"/participants/{number}", person)
    assert (found["product"], found["until"], found["nextCreditOn"]) == ("belapp", None, "2026-11-01")
    assert refused(person.post(f"/participants/{number}/withdrawals")) == (409, "nothingToWithdraw")


def test_an_end_lies_not_in_the_past_and_the_person_may_come_back_under_the_same_number(town: Town) -> None:
    holder = town.holder()
    number, person = town.enrol("toestel", holder=holder), town.person(holder)
    town.today("2026-10-10")
    path = f"/participants/{number}/endings"
    assert refused(person.post(path, json={"until": "2026-10-09"})) == (409, "endInPast")
    ended = person.post(path, json={"until": "2026-10-10"})
    assert (ended.status_code, ended.json()["state"], ended.json()["until"]) == (201, "active", "2026-10-10")
    assert refused(person.post(path, json={"until": "2026-10-31"})) == (409, "endsEarlier")
    town.today("2026-10-11")
    assert refused(person.post(path, json={"until": "2026-10-31"})) == (409, "noProductThen")
    found = town.get(f"/participants/{number}", person)
    assert (found["product"], found["state"]) == (None, "ended")
    again = town.helper.post("/participants", json=town.body(holder, "sim-only"))
    assert (again.status_code, again.json()["number"]) == (201, number)
    assert len(town.get(f"/participants/{number}", person)["participations"]) == 2


def test_the_same_request_under_the_same_key_is_one_registration(town: Town) -> None:
    body, key = town.body(town.holder()), {"Idempotency-Key": "enrol-1"}
    first = town.helper.post("/participants", json=body, headers=key)
    again = town.helper.post("/participants", json=body, headers=key)
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert again.headers["Idempotency-Hit"] == "true"
    assert town.helper.post("/participants", json=body, headers={"Idempotency-Key": ""}).status_code == 400
