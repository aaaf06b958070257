"""A call from the question before it to the cent that it cost: asked, told, rated and settled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from belkosten import parameters, postings
from belkosten.actions import authorising, settling
from foundation.access import Role
from foundation.clock import business_date
from foundation.money import Cents
from foundation.periods import Month
from tests.integration.belkosten.call_desk import BANK, SHELTER, UNLISTED, Desk, expire_holds, record
from tests.integration.belkosten.phone_town import Town
from tests.support.answers import answering


def give(town: Town, participant: str, amount: int, month: Month) -> None:
    """Put more in somebody's purse, out of the fund."""
    line = postings.credit(participant, town.holder_of(participant), month, Cents(amount))
    town.wallet.post_transfers(postings.month_credits([line], business_date()).as_json(), key=f"{participant}/{month}")


@pytest.fixture
def an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this municipality a call may last an hour: one call can take all that somebody has."""
    monkeypatch.setattr(
        authorising, "call_policy_on", lambda day: replace(parameters.call_policy_on(day), longest_s=3_600)
    )


def test_of_ten_euro_three_calls_can_be_made_before_the_first_is_told_of(desk: Desk, caller: str) -> None:
    # 20 minutes at 0.23 are 4.60; twice that leaves 0.80, which pays for 209 seconds: 210 make 0.805.
    assert [desk.ask(call, caller)["maxSeconds"] for call in ("c1", "c2", "c3")] == [1_200, 1_200, 209]
    assert desk.ask("c4", caller) == {"allowed": False, "maxSeconds": 0, "reason": "noCredit"}
    assert desk.purse(caller) == (1_000, 1_000)


@pytest.mark.usefixtures("an_hour")
def test_a_call_is_allowed_for_as_long_as_the_credit_lasts_and_reserves_it(desk: Desk, caller: str) -> None:
    # 10.00 at 0.23 a minute: 2,609 seconds cost 10.00 and 2,610 cost 10.01 (half-up).
    assert desk.ask("c1", caller) == {"allowed": True, "maxSeconds": 2609}
    assert desk.purse(caller) == (1_000, 1_000)


@pytest.mark.usefixtures("an_hour")
def test_a_call_that_could_last_longer_than_an_hour_is_allowed_for_an_hour(desk: Desk, caller: str) -> None:
    give(desk.town, caller, 5_000, Month(2026, 11))
    assert desk.ask("c1", caller) == {"allowed": True, "maxSeconds": 3600}
    # 60 minutes at 0.23 is 13.80.
    assert desk.purse(caller) == (6_000, 1_380)


@pytest.mark.usefixtures("an_hour")
def test_the_record_of_a_call_takes_its_cost_to_the_cent_and_releases_the_rest(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    found = desk.tell(record("c1", caller, 90))
    assert (found["state"], found["accepted"], found["known"], found["refused"]) == ("imported", 1, 0, 0)
    # 90 x 0.23 / 60 is 0.345, half-up 0.35.
    assert desk.paid("c1") == ("rated", 35, 35, 0)
    assert desk.purse(caller) == (965, 0)
    assert desk.clearing() == 35
    # 2,518 x 0.23 / 60 is 9.652 and 2,519 makes 9.656: half-up that would be a cent more than there is.
    assert desk.ask("c2", caller)["maxSeconds"] == 2518


@pytest.mark.usefixtures("an_hour")
@pytest.mark.parametrize(("seconds", "cost"), [(0, 0), (1, 0), (2, 1), (60, 23), (61, 23), (63, 24), (2609, 1000)])
def test_a_record_is_rated_by_the_second(desk: Desk, caller: str, seconds: int, cost: int) -> None:
    desk.ask("c1", caller)
    desk.tell(record("c1", caller, seconds))
    assert desk.paid("c1") == ("rated", cost, cost, 0)
    assert desk.purse(caller) == (1_000 - cost, 0)


@pytest.mark.usefixtures("an_hour")
def test_seconds_beyond_what_was_allowed_are_not_billable(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    desk.tell(record("c1", caller, 5_000))
    assert desk.paid("c1") == ("rated", 1_000, 1_000, 0)
    assert desk.calls()["c1"]["billable_seconds"] == 2_609


@pytest.mark.usefixtures("an_hour")
def test_calls_are_refused_with_the_first_reason_that_holds(desk: Desk, caller: str) -> None:
    mover = desk.town.enrol("sim-only")
    assert desk.ask("c1", "599999")["reason"] == "notRegistered"
    assert desk.ask("c2", mover)["reason"] == "notRegistered"
    assert desk.ask("c3", caller, UNLISTED) == {
        "allowed": False,
        "maxSeconds": 0,
        "reason": "numberNotApproved",
    }
    desk.tell(record("c4", caller, 60))
    assert desk.ask("c4", caller)["reason"] == "callEnded"
    desk.ask("c5", caller)
    assert desk.ask("c6", caller)["reason"] == "noCredit"


def test_a_participation_that_is_over_or_yet_to_begin_makes_no_calls(desk: Desk, caller: str) -> None:
    later = desk.town.enrol(start="2026-10-05")
    assert desk.ask("c1", later)["reason"] == "notRegistered"
    desk.town.on("2026-10-05")
    assert desk.ask("c2", later)["allowed"]
    assert desk.ask("c1", later)["reason"] == "notRegistered", "the answer that was given stays"


@pytest.mark.usefixtures("an_hour")
def test_the_same_call_asked_again_has_the_same_answer_and_reserves_nothing_more(desk: Desk, caller: str) -> None:
    first = desk.ask("c1", caller)
    assert desk.ask("c1", caller, "0031 78 111 22 33") == first
    assert desk.purse(caller) == (1_000, 1_000)


@pytest.mark.usefixtures("an_hour")
def test_a_refused_call_stays_refused_under_its_id_after_a_top_up(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    assert desk.ask("c2", caller)["reason"] == "noCredit"
    desk.tell(record("c1", caller, 60))
    assert desk.ask("c2", caller)["reason"] == "noCredit"
    assert desk.ask("c3", caller)["allowed"]


def test_another_call_under_a_known_id_is_refused_and_a_call_id_belongs_to_its_provider(
    desk: Desk, caller: str
) -> None:
    other = desk.town.enrol()
    desk.ask("c1", caller)
    for participant, number in ((other, BANK), (caller, SHELTER), (caller, UNLISTED)):
        body = {"callId": "c1", "participantNumber": participant, "calledNumber": number}
        answer = desk.client.post("/call-authorisations", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "callIdReused")
    assert desk.ask("c1", other, by=desk.town.provider("another"))["allowed"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("calledNumber", "078 111 22 33"), ("participantNumber", "0781112233"), ("callId", "c 1"), ("callId", "")],
)
def test_a_question_that_cannot_be_read_is_malformed_and_repeats_no_number(
    desk: Desk, caller: str, field: str, value: str
) -> None:
    body = {"callId": "c1", "participantNumber": caller, "calledNumber": BANK, field: value}
    answer = desk.client.post("/call-authorisations", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"/{field}"
    assert "1112233" not in answer.text.replace(" ", "")


def test_a_provider_without_an_organisation_may_not_ask(desk: Desk, caller: str) -> None:
    nobody = desk.town.client(Role.PROVIDER, "nobody")
    body = {"callId": "c1", "participantNumber": caller, "calledNumber": BANK}
    answer = nobody.post("/call-authorisations", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "noOrganisation")


def test_a_wallet_that_is_away_gives_503_and_the_question_may_be_asked_again(desk: Desk, caller: str) -> None:
    body = {"callId": "c1", "participantNumber": caller, "calledNumber": BANK}
    with answering("/api/wallet/v1") as away:
        away.put("/holds").respond(503)
        answer = desk.client.post("/call-authorisations", json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert desk.ask("c1", caller)["allowed"]


@pytest.mark.usefixtures("an_hour")
def test_an_answer_that_was_lost_is_found_again_with_the_hold_that_was_made(desk: Desk, caller: str) -> None:
    # The wallet set the credit apart and the process ended before the answer was kept.
    call = postings.call_of(desk.provider, "c1")
    hold = postings.call_hold(call, postings.purse_of(desk.town.holder_of(caller)), Cents(1_380))
    desk.town.wallet.have_holds({call: hold})
    assert desk.ask("c1", caller) == {"allowed": True, "maxSeconds": 2609}
    assert desk.purse(caller) == (1_000, 1_000)
    desk.tell(record("c1", caller, 60))
    assert desk.purse(caller) == (977, 0)


@pytest.mark.usefixtures("an_hour")
def test_an_answer_that_was_lost_and_whose_hold_is_over_allows_no_call(desk: Desk, caller: str) -> None:
    call = postings.call_of(desk.provider, "c1")
    hold = postings.call_hold(call, postings.purse_of(desk.town.holder_of(caller)), Cents(1_380))
    [had] = desk.town.wallet.have_holds({call: hold})
    desk.town.wallet.release_hold(had["id"], key=f"release/{call}")
    # Nothing is set apart for it any more, so that whatever it cost could be spent elsewhere.
    assert desk.ask("c1", caller) == {"allowed": False, "maxSeconds": 0, "reason": "noCredit"}
    assert desk.purse(caller) == (1_000, 0)
    assert desk.ask("c2", caller)["allowed"]


@pytest.mark.usefixtures("an_hour")
def test_two_calls_asked_at_once_never_reserve_more_than_there_is(desk: Desk, caller: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: desk.ask(f"c{n}", caller), range(8)))
    assert [one["allowed"] for one in answers].count(True) == 1
    assert desk.purse(caller) == (1_000, 1_000)


@pytest.mark.usefixtures("an_hour")
def test_the_same_call_asked_many_times_at_once_is_one_reservation(desk: Desk, caller: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.ask("c1", caller), range(8)))
    assert answers == [{"allowed": True, "maxSeconds": 2609}] * 8
    assert desk.purse(caller) == (1_000, 1_000)


def test_records_without_a_question_take_what_the_caller_has_and_the_fund_pays_the_rest(
    desk: Desk, caller: str
) -> None:
    # Two calls of an hour at 13.80: the first takes the 10.00 that there is.
    desk.tell(record("c1", caller, 3_600), record("c2", caller, 3_600, at="2026-10-01T12:00:00+02:00"))
    assert desk.paid("c1") == ("rated", 1_380, 1_000, 380)
    assert desk.paid("c2") == ("rated", 1_380, 0, 1_380)
    assert desk.purse(caller) == (0, 0)
    assert desk.clearing() == 2_760


@pytest.mark.usefixtures("an_hour")
def test_a_record_that_comes_after_its_hold_expired_takes_what_is_left(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    expire_holds(desk.town)
    assert desk.purse(caller) == (1_000, 0)
    desk.ask("c2", caller)
    desk.tell(record("c2", caller, 2_400))
    desk.tell(record("c1", caller, 600))
    # 40 minutes are 9.20, 10 minutes are 2.30, and 0.80 was left.
    assert desk.paid("c2") == ("rated", 920, 920, 0)
    assert desk.paid("c1") == ("rated", 230, 80, 150)
    assert desk.purse(caller) == (0, 0)


def test_an_expired_hold_in_a_chunk_does_not_hold_up_the_other_calls(desk: Desk, caller: str) -> None:
    other = desk.town.enrol()
    desk.ask("c1", caller)
    expire_holds(desk.town)
    desk.ask("c2", other)
    desk.tell(record("c1", caller, 60), record("c2", other, 60))
    assert (desk.paid("c1"), desk.paid("c2")) == (("rated", 23, 23, 0), ("rated", 23, 23, 0))
    assert (desk.town.held(caller), desk.town.held(other), desk.clearing()) == (0, 0, 46)


@pytest.mark.usefixtures("an_hour")
def test_a_refused_call_that_was_made_all_the_same_costs_nothing(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    desk.ask("c2", caller)
    desk.tell(record("c2", caller, 600))
    assert desk.paid("c2") == ("rated", 0, 0, 0)
    assert desk.purse(caller) == (1_000, 1_000)


def test_calls_to_a_number_off_the_list_or_by_a_stranger_are_kept_and_cost_nothing(desk: Desk, caller: str) -> None:
    mover = desk.town.enrol("sim-only")
    found = desk.tell(record("c1", caller, 60, UNLISTED), record("c2", "599999", 60), record("c3", mover, 60))
    assert found["accepted"] == 3
    assert desk.paid("c1") == ("numberNotApproved", 0, 0, 0)
    assert desk.paid("c2") == ("notRegistered", 0, 0, 0)
    assert desk.paid("c3") == ("notRegistered", 0, 0, 0)
    assert desk.clearing() == 0


def test_what_was_held_for_a_call_to_another_number_is_released(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    desk.tell(record("c1", caller, 60, UNLISTED))
    assert desk.paid("c1") == ("numberNotApproved", 0, 0, 0)
    assert desk.purse(caller) == (1_000, 0)


def test_the_same_record_again_is_known_and_changes_nothing(desk: Desk, caller: str) -> None:
    desk.ask("c1", caller)
    desk.tell(record("c1", caller, 60))
    before = (desk.calls(), desk.town.house.balances())
    again = desk.tell(record("c1", caller, 60, at="2026-10-01T08:00:00Z"), query="")
    assert (again["state"], again["accepted"], again["known"]) == ("imported", 0, 1)
    assert (desk.calls(), desk.town.house.balances()) == before


def test_another_call_under_a_known_id_is_a_refused_row(desk: Desk, caller: str) -> None:
    other = desk.town.enrol()
    desk.ask("c9", other)
    found = desk.tell(
        record("c1", caller, 60),
        record("c1", caller, 61),
        record("c1", other, 60),
        record("c1", caller, 60, at="2026-10-01T10:00:01+02:00"),
        record("c9", caller, 60),
    )
    codes = [(row["row"], row["errors"][0]["code"]) for row in found["rows"]]
    assert codes == [(3, "callIdReused"), (4, "callIdReused"), (5, "callIdReused"), (6, "callIdReused")]
    assert found["accepted"] == 1


def test_rows_that_cannot_be_read_refuse_the_file_and_nothing_of_it_counts(desk: Desk, caller: str) -> None:
    found = desk.tell(
        record("c1", caller, 60),
        record("c2", caller, 60, "078-1112233"),
        record("c3", "0781112233", 60),
        record("c4", caller, 60, at="1 oktober"),
        (*record("c5", caller, 60)[:4], "1,5"),
        record("c6", caller, 60, at="2099-01-01T10:00:00Z"),
        ("", caller, BANK, "2026-10-01T10:00:00Z", 60),
        query="",
    )
    assert (found["state"], found["accepted"], found["refused"]) == ("refused", 0, 6)
    codes = [row["errors"][0]["code"] for row in found["rows"]]
    assert codes == ["malformed", "malformed", "malformed", "malformed", "dateInFuture", "malformed"]
    assert "1112233" not in str(found).replace("-", "")
    assert desk.calls() == {}


def test_a_dry_run_answers_the_same_and_keeps_nothing(desk: Desk, caller: str) -> None:
    found = desk.tell(record("c1", caller, 60), record("c1", caller, 61), query="?dryRun=true&partial=true")
    assert (found["state"], found["accepted"], found["refused"], found["dryRun"]) == ("imported", 1, 1, True)
    assert desk.calls() == {}
    assert desk.clearing() == 0


def test_records_come_as_json_too(desk: Desk, caller: str) -> None:
    item = {
        "callId": "c1",
        "participantNumber": caller,
        "calledNumber": "0031 (0)78-111 22 33",
        "startedAt": "2026-10-01T10:00:00Z",
        "seconds": 60,
    }
    answer = desk.client.post("/call-records/batches", json={"items": [item]})
    assert answer.status_code == 202, answer.text
    desk.town.settle()
    assert desk.paid("c1") == ("rated", 23, 23, 0)


def test_a_provider_sees_its_own_files_only(desk: Desk, caller: str) -> None:
    found = desk.tell(record("c1", caller, 60))
    answer = desk.town.provider("another").get(f"/call-records/batches/{found['id']}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "unknownBatch")


def test_a_call_is_rated_by_the_participation_and_the_list_of_its_own_local_day(desk: Desk) -> None:
    desk.town.approve(clinic := "+31781112255", start="2026-10-02", until="2026-10-02")
    person = desk.town.enrol(start="2026-10-02")
    desk.town.today("2026-10-04")
    desk.tell(  # 23:30 in Amsterdam on the 1st, half past midnight on the 2nd, and the same on the 3rd.
        record("c1", person, 60, clinic, at="2026-10-01T21:30:00Z"),
        record("c2", person, 60, clinic, at="2026-10-01T22:30:00Z"),
        record("c3", person, 60, clinic, at="2026-10-02T22:30:00Z"),
    )
    outcomes = {name: one["outcome"] for name, one in desk.calls().items()}
    assert outcomes == {"c1": "notRegistered", "c2": "rated", "c3": "numberNotApproved"}


def test_a_fund_with_too_little_parks_the_call_until_it_is_filled(desk: Desk, caller: str) -> None:
    rich = desk.town.enrol()
    fund = desk.town.balances()["fund"]
    give(desk.town, rich, fund, Month(2027, 1))
    desk.tell(record("c1", caller, 3_600), record("c2", rich, 60))
    [parked] = desk.town.parked()
    assert (parked["kind"], parked["errorCode"]) == ("settle-calls", "tooLittle")
    # The other call of the same message is settled, and the caller can use what they have meanwhile.
    assert desk.paid("c2") == ("rated", 23, 23, 0)
    assert desk.calls()["c1"]["state"] == "waiting"
    assert desk.purse(caller) == (1_000, 0)
    desk.town.deposit(500)
    desk.town.resume_parked()
    assert desk.paid("c1") == ("rated", 1_380, 1_000, 380)
    assert (*desk.purse(caller), desk.town.balances()["fund"]) == (0, 0, 120)
    desk.town.deposit(1_000_000)


def test_more_calls_than_go_in_one_message_are_all_settled(
    desk: Desk, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "CHUNK", 3)
    records = [record(f"c{n}", caller, 2, at=f"2026-10-01T10:00:0{n}Z") for n in range(7)]
    assert desk.tell(*records)["accepted"] == 7
    assert sum(one["from_hold"] for one in desk.calls().values()) == 7 == desk.clearing()
    assert len({one["message_id"] for one in desk.calls().values()}) == 3
