"""What a borrower is told, and the letter at the end of a loan (SK-7, SK-9, SK-10)."""

from __future__ import annotations

import io

import pypdf

from foundation.access import Role
from tests.integration.sociaal_krediet.lending_town import Town


def test_a_borrower_is_told_of_each_decision_change_and_end_and_reads_only_their_own(town: Town) -> None:
    holder, other = town.holder(1), town.holder(2)
    borrower = town.client(Role.PASS_HOLDER, "piet", holder_id=holder)
    stranger = town.client(Role.PASS_HOLDER, "pia", holder_id=other)
    loan = town.loan(holder, 40_000, 4)
    path = f"/loans/{loan}/settlement-letter"
    early = borrower.get(path)
    assert (early.status_code, early.json()["errors"][0]["code"]) == (409, "notSettled")
    town.officer.post(f"/loans/{loan}/pauses", json={"months": 1, "reason": "Minder werk."})
    town.on("2026-11-20")
    assert [one["kind"] for one in town.get("/notices", borrower)["items"]] == [
        "arrears",
        "scheduleChanged",
        "decision",
    ]
    town.repay(loan, 10_000, "2026-11-20")

    reminder, changed, decision = town.get("/notices", borrower)["items"]
    assert decision["subject"] == "U krijgt een lening"
    assert "Woonbedrijf De Sleutel: € 400,00" in decision["text"] and "13 oktober 2026" in decision["text"]
    assert "4 keer € 100,00" in decision["text"] and "leenbijstand" in decision["text"]
    # The reminder is read after the payment it asked for, and tells what is so now.
    assert reminder["subject"] == "Op uw lening is nu niets te laat"
    assert "€ 300,00" in changed["text"] and "1 december 2026" in changed["text"]

    reading = f"/notices/{decision['id']}/readings"
    assert stranger.post(reading).status_code == 404
    assert town.officer.post(reading).status_code == 403
    first, again = borrower.post(reading), borrower.post(reading)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["readAt"] == again.json()["readAt"] is not None
    assert town.get("/notices", stranger)["items"] == [] == town.get("/notices")["items"]
    assert town.get(f"/notices?holderId={holder}", stranger)["items"] == []
    assert len(town.get(f"/notices?holderId={holder}")["items"]) == 3
    page = town.get("/notices?limit=2", borrower)
    rest = town.get(f"/notices?limit=2&cursor={page['nextCursor']}", borrower)
    assert [one["kind"] for one in rest["items"]] == ["decision"]

    proposed = town.officer.post(f"/loans/{loan}/remissions", json={"amount": 5_000, "reason": "JPF"}).json()["id"]
    town.second_officer.post(f"/loans/{loan}/remissions/{proposed}/confirmations")
    town.repay(loan, 26_000, "2026-11-20")
    newest = town.get("/notices", borrower)["items"]
    # Of the end only the end is told, not also that the schedule became empty.
    assert [one["kind"] for one in newest][:3] == ["settled", "scheduleChanged", "arrears"]
    assert "u heeft € 350,00 terugbetaald" in newest[0]["text"] and "€ 10,00 te veel" in newest[0]["text"]

    letter = borrower.get(path)
    assert (letter.status_code, letter.headers["Content-Type"]) == (200, "application/pdf")
    town.on("2026-12-24")
    assert town.auditor.get(path).content == letter.content
    assert stranger.get(path).status_code == 404
    text = pypdf.PdfReader(io.BytesIO(letter.content)).pages[0].extract_text()
    for words in ("20 november 2026", "Geleend", "€ 400,00", "€ 350,00", "€ 50,00", "Nog open", "€ 0,00"):
        assert words in text, (words, text)
