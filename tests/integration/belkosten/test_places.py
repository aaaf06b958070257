"""Where a telephone stands that may be used free of charge."""

from __future__ import annotations

from typing import Any

from tests.integration.belkosten.phone_town import Town


def place(name: str, *hours: tuple[int, str, str], **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "address": "Plein 1, Dordrecht",
        "closedRoom": True,
        "from": "2026-01-01",
        "openingHours": [{"weekday": day, "opens": opens, "closes": closes} for day, opens, closes in hours],
        **changes,
    }


def test_places_are_listed_by_name_with_their_hours_and_filtered_by_when_they_are_open(town: Town) -> None:
    # The 1st of October 2026 is a Thursday, the 4th day of the week.
    wielwijk = place("Wielborgh", (4, "13:00", "17:00"), (4, "09:00", "12:00"), neighbourhood="Wielwijk")
    added = town.officer.post("/phone-places", json=wielwijk)
    assert added.status_code == 201, added.text
    assert added.json()["openingHours"] == [
        {"weekday": 4, "opens": "09:00", "closes": "12:00"},
        {"weekday": 4, "opens": "13:00", "closes": "17:00"},
    ]
    town.officer.post("/phone-places", json=place("Koloriet", (5, "10:00", "16:00")))
    town.officer.post("/phone-places", json=place("De Buitenwacht", (4, "12:00", "14:00"), closedRoom=False))
    names = {
        "": ["De Buitenwacht", "Koloriet", "Wielborgh"],
        "?openOn=2026-10-01T09:00": ["Wielborgh"],
        "?openOn=2026-10-01T12:00": ["De Buitenwacht"],
        "?openOn=2026-10-01T13:30": ["De Buitenwacht", "Wielborgh"],
        # 17:00 is when the door shuts; in UTC it is 15:00 in summer.
        "?openOn=2026-10-01T17:00": [],
        "?openOn=2026-10-01T14:59:00Z": ["Wielborgh"],
        "?openOn=2026-10-02T10:00": ["Koloriet"],
    }
    for query, expected in names.items():
        found = town.get(f"/phone-places{query}".replace("+", "%2B"), town.telco)
        assert [one["name"] for one in found["items"]] == expected, query
    assert town.officer.get("/phone-places?openOn=soon").status_code == 400
    first = town.get("/phone-places?limit=2")
    rest = town.get(f"/phone-places?limit=2&cursor={first['nextCursor']}")
    assert [one["name"] for one in first["items"] + rest["items"]] == names[""]


def test_hours_of_one_day_that_overlap_are_refused(town: Town) -> None:
    doubled = place("Koloriet", (2, "09:00", "12:00"), (2, "11:59", "14:00"))
    answer = town.officer.post("/phone-places", json=doubled)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "hoursOverlap")
    assert town.get("/phone-places")["items"] == []
    for wrong in ((8, "09:00", "12:00"), (1, "9:00", "12:00"), (1, "12:00", "12:00"), (1, "09:00", "24:00")):
        assert town.officer.post("/phone-places", json=place("Koloriet", wrong)).status_code == 400, wrong
    assert town.helper.post("/phone-places", json=place("Koloriet", (1, "09:00", "12:00"))).status_code == 403


def test_a_place_that_closes_is_listed_until_its_last_day(town: Town) -> None:
    added = town.officer.post("/phone-places", json=place("Koloriet", (4, "09:00", "12:00"))).json()
    path = f"/phone-places/{added['id']}/closings"
    early = town.officer.post(path, json={"until": "2026-09-30"})
    assert (early.status_code, early.json()["errors"][0]["code"]) == (409, "endInPast")
    assert town.officer.post(path, json={"until": "2026-10-02"}).json()["until"] == "2026-10-02"
    assert town.officer.post("/phone-places/nothing/closings", json={"until": "2026-10-02"}).status_code == 404
    town.today("2026-10-02")
    assert len(town.get("/phone-places")["items"]) == 1
    town.today("2026-10-03")
    assert town.get("/phone-places")["items"] == []
    again = town.officer.post(path, json={"until": "2026-12-02"})
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "closed")
