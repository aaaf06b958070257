"""The provider's bill, held line by line against its calls: only what is right is owed, and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from belkosten import postings
from belkosten.actions import imports
from foundation.access import Role
from foundation.file_work import work_through_next_file
from tests.integration.belkosten.billing import (
    AT,
    BANK,
    BILL_HEADER,
    CSV,
    bill,
    billed,
    called,
    codes,
    csv_of,
    line,
    register,
    send_bill,
)
from tests.integration.belkosten.phone_town import Town
from tests.integration.wallet.payouts_house import code_of
from wallet_contract.messages import PostTransfers, TransferLine

TODAY = date(2026, 10, 1)
UNKNOWN = "999999999"
LATER = "2026-10-02T09:00:00+02:00"


@pytest.fixture
def caller(town: Town) -> str:
    """Somebody who takes part, in a town where the bank may be called."""
    town.approve(BANK)
    return town.enrol()


def outcome(found: dict[str, Any]) -> tuple[str, int, int, int, bool]:
    return found["state"], found["lines"], found["matched"], found["approvedTotal"], found["booked"]


def test_every_line_is_matched_or_named_with_its_difference(town: Town, caller: str) -> None:
    another = town.enrol()
    owed = register(town)
    # 90 seconds at 0.23 a minute: 0.345, half-up 0.35. 60 seconds: 0.23.
    called(town, ("c1", caller, 90), ("c2", caller, 60), ("c3", caller, 60), ("c4", caller, 60))
    called(town, ("c5", caller, 60, "+31201234567"), ("c6", UNKNOWN, 60), ("c7", caller, 60))
    found = billed(
        town,
        line("c1", caller, 90, 35),
        line("c1", caller, 90, 35),
        line("c2", caller, 60, 30),
        line("c3", caller, 60, 20),
        line("c4", another, 60, 23),
        line("c5", caller, 60, 23),
        line("c6", UNKNOWN, 60, 23),
        line("c7", UNKNOWN, 60, 23),
        line("never", caller, 60, 23),
        line("never", caller, 60, 23),
    )
    assert outcome(found) == ("checked", 10, 1, 35, True)
    assert codes(found) == {
        3: ("billedTwice", 35),
        4: ("priceDiffers", 7),
        5: ("priceDiffers", -3),
        6: ("notInOurRecords", 23),
        7: ("numberNotApproved", 23),
        8: ("notRegistered", 23),
        9: ("notRegistered", 23),
        10: ("notInOurRecords", 23),
        11: ("billedTwice", 23),
    }
    assert found["differences"][2] == {
        "row": 5,
        "code": "priceDiffers",
        "amount": -3,
        "callId": "c3",
        "billed": 20,
        "ours": 23,
    }
    # Rated are c1, c2, c3, c4 and c7: 0.35 and four times 0.23 wait for the provider, of which 0.35 is owed now.
    balances = town.balances()
    assert (balances["clearing"], balances[owed]) == (35 + 4 * 23 - 35, 35)


def test_a_corrected_line_in_the_next_bill_is_matched_and_what_was_paid_is_not_paid_again(
    town: Town, caller: str
) -> None:
    owed = register(town)
    called(town, ("c1", caller, 90), ("c2", caller, 60))
    first = billed(town, line("c1", caller, 90, 35), line("c2", caller, 60, 30))
    assert (first["approvedTotal"], codes(first)) == (35, {3: ("priceDiffers", 7)})
    second = billed(town, line("c1", caller, 90, 35), line("c2", caller, 60, 23))
    assert (second["approvedTotal"], codes(second)) == (23, {2: ("billedTwice", 35)})
    balances = town.balances()
    assert (balances[owed], balances.get("clearing", 0)) == (58, 0)


def test_the_same_bill_again_is_refused_and_one_that_was_refused_may_come_again(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    billed(town, line("c1", caller, 90, 35))
    again = send_bill(town, line("c1", caller, 90, 35))
    assert (again.status_code, code_of(again)) == (409, "invoiceKnown")
    for _ in range(2):
        refused = billed(town, ("c1", caller, AT, 90, "0,35"))
        assert refused["state"] == "refused"


def test_a_bill_with_a_line_that_cannot_be_read_is_refused_as_a_whole(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    found = billed(town, line("c1", caller, 90, 35), ("c2", caller, AT, 60, "0,23"), ("c3", caller, "gisteren", 60, 23))
    assert outcome(found) == ("refused", 0, 0, 0, False)
    assert [(row["row"], row["errors"][0]["code"]) for row in found["rows"]] == [(3, "malformed"), (4, "malformed")]
    assert "in centen" in found["rows"][0]["errors"][0]["message"]
    # Nothing of it counts: the line that was right is matched in the next.
    assert billed(town, line("c1", caller, 90, 35))["approvedTotal"] == 35


def test_what_is_approved_waits_for_the_provider_to_be_registered(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    found = billed(town, line("c1", caller, 90, 35))
    assert outcome(found) == ("checked", 1, 1, 35, False)
    assert "niet geregistreerd" in found["problem"]
    owed = register(town)
    town.settle()
    found = bill(town, found["id"])
    assert (found["booked"], found["bookedOn"], found["problem"]) == (True, "2026-10-01", None)
    assert town.balances()[owed] == 35


def test_what_is_approved_waits_until_its_calls_are_settled(town: Town, caller: str) -> None:
    owed = register(town)
    called(town, ("c1", caller, 90), settle=False)
    sent = send_bill(town, line("c1", caller, 90, 35)).json()["id"]
    while work_through_next_file(town.database, imports.FILES, lambda: True):
        pass
    found = bill(town, sent)
    assert (found["state"], found["approvedTotal"], found["booked"]) == ("checked", 35, False)
    town.settle()
    assert bill(town, sent)["booked"]
    assert town.balances()[owed] == 35


def test_a_bill_that_comes_right_after_its_call_records_waits_for_them(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90), settle=False)
    found = billed(town, line("c1", caller, 90, 35), provider="telco")
    assert (found["matched"], found["differences"]) == (1, [])


def test_two_bills_with_the_same_line_at_once_have_it_approved_once(town: Town, caller: str) -> None:
    owed = register(town)
    called(town, ("c1", caller, 90), ("c2", caller, 60))
    bills = [
        send_bill(town, line("c1", caller, 90, 35), line("c2", caller, 60, 23)).json()["id"],
        send_bill(town, line("c2", caller, 60, 23), line("c1", caller, 90, 35)).json()["id"],
    ]
    with ThreadPoolExecutor(4) as workers:
        tried = [workers.submit(work_through_next_file, town.database, imports.FILES, lambda: True) for _ in range(4)]
        assert any(one.result() for one in tried)
    town.settle()
    found = [bill(town, one) for one in bills]
    assert sorted(one["approvedTotal"] for one in found) == [0, 58]
    assert town.balances()[owed] == 58
    [twice] = [one for one in found if not one["matched"]]
    assert {code for code, _ in codes(twice).values()} == {"billedTwice"}


def test_the_database_approves_a_call_once_and_for_what_it_cost(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90), ("c2", caller, 60))
    billed(town, line("c1", caller, 90, 35))
    insert = text(
        "INSERT INTO belkosten.invoice_line (invoice_id, row, call_id, participant_number, started_at, seconds, amount,"
        " call, code, difference) SELECT l.invoice_id, :row, c.call_id, '', l.started_at, 1, :amount, c.id, 'matched', 0"
        " FROM belkosten.invoice_line l, belkosten.call c WHERE c.call_id = :call LIMIT 1"
    )
    for call, amount, said in (("c1", 35, "pays_a_call_once"), ("c2", 24, "is not what its call cost")):
        with pytest.raises(IntegrityError, match=said), town.database.transaction() as db:
            db.execute(insert, {"row": 9, "call": call, "amount": amount})
    with pytest.raises(IntegrityError, match="not its approved total"), town.database.transaction() as db:
        db.execute(text("UPDATE belkosten.invoice SET approved_total = 36"))
        db.execute(text("UPDATE belkosten.invoice SET message_id = id"))


def test_what_the_wallet_refuses_to_owe_is_told_and_can_be_sent_again(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    # The money of the call goes astray, so that there is nothing to owe it from.
    astray = TransferLine(source=postings.CLEARING, destination=postings.FUND, amount=35)
    town.wallet.post_transfers(PostTransfers("test", TODAY, [astray]).as_json(), key="astray")
    owed = register(town)
    found = billed(town, line("c1", caller, 90, 35))
    assert (found["state"], found["booked"], postings.CLEARING in found["problem"]) == ("checked", False, True)
    back = TransferLine(source=postings.FUND, destination=postings.CLEARING, amount=35)
    town.wallet.post_transfers(PostTransfers("test", TODAY, [back]).as_json(), key="back")
    town.resume_parked()
    found = bill(town, found["id"])
    assert (found["booked"], found["problem"], town.balances()[owed]) == (True, None, 35)


def test_a_payout_batch_pays_the_provider_what_was_approved(town: Town, caller: str) -> None:
    register(town)
    [provider] = town.get("/providers")["items"]
    second = town.wallet_client(Role.CASEWORKER, "chris")
    assert second.post("/iban-confirmations", json={"ibanIds": [provider["ibanId"]]}).json()["confirmed"] == 1
    called(town, ("c1", caller, 90), ("c2", caller, 60))
    billed(town, line("c1", caller, 90, 35), line("c2", caller, 60, 24))
    town.on("2026-10-30")
    batch = town.wallet_maker.post("/payout-batches", json={"purse": "belkosten", "executeOn": "2026-11-02"})
    assert batch.status_code == 201, batch.text
    assert (batch.json()["lines"], batch.json()["total"]) == (1, 35)


def test_without_a_name_it_is_the_bill_of_the_only_provider_or_of_whose_calls_it_lists(town: Town, caller: str) -> None:
    nobody = send_bill(town, line("c1", caller, 90, 35))
    assert (nobody.status_code, code_of(nobody)) == (400, "providerMissing")
    called(town, ("c1", caller, 90))
    assert send_bill(town, line("x", caller, 90, 35)).json()["provider"] == "telco"
    called(town, ("c1", caller, 90), ("d1", caller, 60, BANK, LATER), by=town.provider("belco"))
    assert send_bill(town, line("d1", caller, 60, 23, LATER)).json()["provider"] == "belco"
    both = send_bill(town, line("c1", caller, 90, 35))
    assert (both.status_code, code_of(both)) == (400, "providerMissing")
    named = send_bill(town, line("c1", caller, 90, 35), provider="belco")
    assert (named.status_code, named.json()["provider"]) == (202, "belco")
    stranger = send_bill(town, line("c1", caller, 90, 35), provider="nobody")
    assert (stranger.status_code, code_of(stranger)) == (409, "unknownProvider")


def test_a_call_of_another_provider_is_not_in_the_records_of_this_one(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    called(town, ("d1", caller, 60, BANK, LATER), by=town.provider("belco"))
    found = billed(town, line("c1", caller, 90, 35), provider="belco")
    assert codes(found) == {2: ("notInOurRecords", 35)}


def test_a_bill_comes_as_json_too(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    item = {"callId": "c1", "participantNumber": caller, "startedAt": AT, "seconds": 90, "amount": 35}
    answer = town.finance.post("/invoices", json={"items": [item]})
    assert answer.status_code == 202, answer.text
    town.settle()
    assert bill(town, answer.json()["id"])["approvedTotal"] == 35


def test_a_telephone_number_in_the_place_of_a_participant_is_kept_nowhere(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    found = billed(town, line("c1", "+31612345678", 90, 35))
    assert codes(found) == {2: ("notRegistered", 35)}
    with town.database.reading() as db:
        kept = db.execute(text("SELECT string_agg(l::text, '') FROM belkosten.invoice_line l")).scalar_one()
        assert "612345678" not in kept
        assert db.execute(text("SELECT count(*) FROM inbox_piece")).scalar_one() == 0


def test_the_report_of_differences_is_csv_that_a_spreadsheet_can_open(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90), ("-c2", caller, 60))
    found = billed(town, line("c1", caller, 90, 40), line("-c2", caller, 60, 20))
    answer = town.finance.get(f"/invoices/{found['id']}/differences")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text.split("\r\n") == [
        "row;code;callId;billed;ours;tooMuch;tooLittle",
        "2;priceDiffers;c1;40;35;5;0",
        "3;priceDiffers;'-c2;20;23;0;3",
        "",
    ]


def test_bills_are_listed_newest_first_and_for_those_of_finance_and_audit_alone(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90))
    ids = [billed(town, line("c1", caller, 90, amount))["id"] for amount in (34, 35)]
    page = town.get("/invoices?limit=1", town.auditor)
    assert [one["id"] for one in page["items"]] == ids[1:]
    rest = town.get(f"/invoices?limit=1&cursor={page['nextCursor']}", town.finance)
    assert ([one["id"] for one in rest["items"]], rest["nextCursor"]) == (ids[:1], None)
    assert town.get("/invoices?provider=belco", town.finance)["items"] == []
    for by in (town.officer, town.helper, town.telco):
        assert {by.get(path).status_code for path in ("/invoices", f"/invoices/{ids[0]}")} == {403}
    assert town.finance.get("/invoices/nothing").status_code == 404
    by_auditor = town.auditor.post("/invoices", content=csv_of(BILL_HEADER, []), headers=CSV)
    assert by_auditor.status_code == 403


def test_calls_that_no_bill_asked_for_are_counted(town: Town, caller: str) -> None:
    called(town, ("c1", caller, 90), ("c2", caller, 60), ("c3", caller, 60, BANK, "2026-09-30T23:30:00+02:00"))
    called(town, ("c4", caller, 60, "+31201234567"))
    billed(town, line("c2", caller, 60, 99))
    assert town.get("/unbilled-calls?month=2026-10", town.finance) == {
        "month": "2026-10",
        "calls": 1,
        "cost": 35,
        "perProvider": [{"provider": "telco", "calls": 1, "cost": 35}],
    }
    assert town.finance.get("/unbilled-calls?month=oktober").status_code == 400
    assert town.client(Role.CASEWORKER).get("/unbilled-calls?month=2026-10").status_code == 403
