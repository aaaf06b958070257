"""The list of numbers that may be called: one by one, in files, and read by anyone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.belkosten.call_desk import Desk
from tests.integration.belkosten.phone_town import Town

NUMBER = "+31880001122"
HEADER = "number;organisation;category;from;until"


@pytest.fixture
def town(desk: Desk) -> Town:
    return desk.town


def body(number: str = NUMBER, **changes: Any) -> dict[str, Any]:
    return {
        "number": number,
        "organisation": "Wonen Zuid",
        "category": "woningcorporatie",
        "from": "2026-10-01",
        **changes,
    }


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def send(town: Town, *lines: str, header: str = HEADER, query: str = "?partial=true") -> dict[str, Any]:
    """Send a file of numbers, and give what became of it."""
    answer = town.officer.post(
        f"/numbers/batches{query}", content="\n".join([header, *lines]), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    town.settle()
    found: dict[str, Any] = town.second_officer.get(f"/numbers/batches/{answer.json()['id']}").json()
    return found


def test_a_number_comes_on_the_list_in_one_form_and_ends(town: Town) -> None:
    made = town.officer.post("/numbers", json=body("0031 (0)88-000 22 11", until="2026-12-31"))
    assert made.status_code == 201, made.text
    number_id = made.json()["id"]
    assert made.json() == {
        "id": number_id,
        "number": "+31880002211",
        "organisation": "Wonen Zuid",
        "category": "woningcorporatie",
        "from": "2026-10-01",
        "until": "2026-12-31",
    }
    ended = town.officer.post(f"/numbers/{number_id}/endings", json={"until": "2026-10-31"})
    assert (ended.status_code, ended.json()["until"]) == (201, "2026-10-31")
    after = town.officer.post("/numbers", json=body("+31880002211", **{"from": "2026-11-01"}))
    assert after.status_code == 201
    longer = town.officer.post(f"/numbers/{number_id}/endings", json={"until": "2026-11-01"})
    assert code_of(longer) == (409, "numberThere")


def test_a_number_has_one_organisation_at_a_time_also_when_two_ask_at_once(town: Town) -> None:
    def put_on_the_list(organisation: str) -> int:
        asked = body("+31880003311", organisation=organisation)
        return int(town.officer.post("/numbers", json=asked).status_code)

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(put_on_the_list, ["A", "B", "C", "D"]))
    assert statuses == [201, 409, 409, 409]
    assert code_of(town.officer.post("/numbers", json=body("+31 88 000 33 11"))) == (409, "numberThere")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"number": "088 000 11 22"}, "/number"),
        ({"category": "buren"}, "/category"),
        ({"organisation": ""}, "/organisation"),
        ({"from": "1 oktober"}, "/from"),
        ({"until": "2026-09-30"}, ""),
    ],
)
def test_a_number_that_cannot_be_read_is_malformed(town: Town, changes: dict[str, str], pointer: str) -> None:
    answer = town.officer.post("/numbers", json=body() | changes)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert "000 11 22" not in answer.text


def test_a_number_cannot_end_before_it_began_nor_in_what_is_rated(town: Town) -> None:
    made = town.officer.post("/numbers", json=body("+31880004411", **{"from": "2026-09-01"})).json()["id"]
    path = f"/numbers/{made}/endings"
    assert code_of(town.officer.post(path, json={"until": "2026-08-31"})) == (409, "untilBeforeFrom")
    assert code_of(town.officer.post(path, json={"until": "2026-09-29"})) == (409, "untilPast")
    assert town.officer.post(path, json={"until": "2026-09-30"}).status_code == 201
    unknown = town.officer.post("/numbers/00000000-0000-7000-8000-000000000000/endings", json={"until": "2026-10-31"})
    assert code_of(unknown) == (404, "unknownNumber")


def test_only_a_caseworker_changes_the_list_and_anyone_reads_it(town: Town) -> None:
    assert town.helper.post("/numbers", json=body()).status_code == 403
    assert town.helper.get("/numbers").status_code == 200
    assert town.person("h1").get("/numbers").status_code == 200


def test_the_list_is_in_the_order_of_names_page_by_page_and_can_be_searched(town: Town) -> None:
    for name, last in (("Zorg Noord", "1"), ("apotheek Noord", "2"), ("Bakker Noord", "3")):
        asked = body(f"+3188000551{last}", organisation=name, category="zorg", until="2026-10-31")
        assert town.officer.post("/numbers", json=asked).status_code == 201
    first = town.get("/numbers?organisation=noord&limit=2")
    assert [one["organisation"] for one in first["items"]] == ["apotheek Noord", "Bakker Noord"]
    rest = town.get(f"/numbers?organisation=noord&limit=2&cursor={first['nextCursor']}")
    assert [one["organisation"] for one in rest["items"]] == ["Zorg Noord"]
    assert rest["nextCursor"] is None
    for query, there in (("number=%2B31880005512", 1), ("number=+31880005512", 1), ("number=%2B31880005519", 0)):
        assert len(town.get(f"/numbers?{query}")["items"]) == there
    for day, there in (("2026-09-30", 0), ("2026-10-31", 3), ("2026-11-01", 0)):
        assert len(town.get(f"/numbers?organisation=noord&category=zorg&on={day}")["items"]) == there
    assert town.officer.get("/numbers?number=0612345678").status_code == 400


def test_a_file_of_numbers_comes_on_the_list_and_the_same_row_again_is_known(town: Town) -> None:
    rows = [
        "+31 88 000 66 11;Energie Oost;energie;2026-10-01;2026-12-31",
        "0031880006622;Energie Oost;energie;01-10-2026;",
    ]
    first = send(town, *rows, query="")
    assert (first["state"], first["accepted"]) == ("imported", 2)
    again = send(town, *rows, "+31880006611;Ander;energie;2026-12-31;", "088-0006611;Ander;energie;2026-12-31;")
    assert (again["accepted"], again["known"], again["refused"]) == (0, 2, 2)
    told = [(row["row"], row["outcome"], *[error["code"] for error in row["errors"]]) for row in again["rows"]]
    assert told == [(2, "known"), (3, "known"), (4, "refused", "numberThere"), (5, "refused", "malformed")]


def test_a_file_of_numbers_may_leave_the_last_column_out_and_a_refused_row_refuses_it_whole(town: Town) -> None:
    short = "number;organisation;category;from"
    refused = send(
        town, "+31880007711;Bank;zorg;2026-10-01", "+31880007711;Bank;zorg;2026-10-02", header=short, query=""
    )
    assert (refused["state"], refused["accepted"], refused["refused"]) == ("refused", 0, 1)
    taken = send(town, "+31880007711;Bank;zorg;2026-10-01", header=short, query="")
    assert (taken["state"], taken["accepted"]) == ("imported", 1)
