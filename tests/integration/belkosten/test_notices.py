"""What a participant is told: that they take part, why not, that they move, and that it ends."""

from __future__ import annotations

from tests.integration.belkosten.phone_town import Town


def test_a_participant_is_told_of_each_decision_and_reads_only_their_own(town: Town) -> None:
    holder, other = town.holder(), town.holder()
    person, stranger = town.person(holder), town.person(other)
    body = town.body(holder, ground="bijstand")
    number = person.post("/participants", json=body).json()["number"]
    assert town.get("/notices", person)["items"] == []
    path = f"/participants/{number}/ground-checks"
    town.officer.post(path, json={"outcome": "rejected", "reason": "Uw uitkering is gestopt."})
    person.post("/participants", json=body)
    town.officer.post(path, json={"outcome": "confirmed"})
    town.officer.post(f"/participants/{number}/product-changes", json={"product": "prepaid", "from": "2026-11-01"})
    town.today("2026-11-02")
    town.officer.post(f"/participants/{number}/endings", json={"until": "2026-11-30", "reason": "U verhuist."})

    ended, moved, admitted, rejected = town.get("/notices", person)["items"]
    assert [one["kind"] for one in (ended, moved, admitted, rejected)] == ["ended", "moved", "admitted", "rejected"]
    assert rejected["subject"] == "U kunt niet meedoen"
    assert "Uw uitkering is gestopt." in rejected["text"]
    # Six weeks after the 1st of October is the 12th of November.
    assert "tot en met 12 november 2026" in rejected["text"] and "Postbus 1" in rejected["text"]
    assert f"BK-{number}-20261001" in rejected["text"]
    assert "1 oktober 2026" in admitted["text"] and "Bijstandsuitkering" in admitted["text"]
    assert "€ 10,00" in admitted["text"] and "43 minuten" in admitted["text"]
    assert "Vanaf 1 november 2026" in moved["text"] and "Dordtpas" in moved["text"]
    assert "30 november 2026" in ended["text"] and "U verhuist." in ended["text"]
    assert "tot en met 14 december 2026" in ended["text"]

    reading = f"/notices/{admitted['id']}/readings"
    assert stranger.post(reading).status_code == 404
    assert town.officer.post(reading).status_code == 403
    first, again = person.post(reading), person.post(reading)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["readAt"] == again.json()["readAt"] is not None
    assert town.get("/notices", stranger)["items"] == [] == town.get("/notices")["items"]
    assert town.get(f"/notices?holderId={holder}", stranger)["items"] == []
    assert len(town.get(f"/notices?holderId={holder}")["items"]) == 4
    page = town.get("/notices?limit=3", person)
    rest = town.get(f"/notices?limit=3&cursor={page['nextCursor']}", person)
    assert [one["kind"] for one in rest["items"]] == ["rejected"]


def test_to_ones_own_wish_one_does_not_object_and_a_move_taken_back_says_so(town: Town) -> None:
    holder = town.holder()
    number, person = town.enrol(holder=holder), town.person(holder)
    path = f"/participants/{number}"
    person.post(f"{path}/product-changes", json={"product": "sim-only", "from": "2026-11-01"})
    [moved, admitted] = town.get("/notices", person)["items"]
    assert "bezwaar" in admitted["text"] and "bezwaar" not in moved["text"]
    person.post(f"{path}/withdrawals")
    [taken_back, _] = town.get("/notices", person)["items"]
    assert taken_back["subject"] == "Dit gaat niet door"
    person.post(f"{path}/endings", json={"until": "2026-10-31"})
    [ended, _, _] = town.get("/notices", person)["items"]
    assert "31 oktober 2026" in ended["text"] and "bezwaar" not in ended["text"]
