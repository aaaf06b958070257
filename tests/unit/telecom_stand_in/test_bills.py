from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from telecom_stand_in.bills import NOBODY, bill
from telecom_stand_in.store import ALLOWED, NEVER, SENT, WAITING, Call

BEGAN = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


def call(number: int, verdict: str = ALLOWED, record: str = SENT, seconds: int = 60) -> Call:
    return Call(f"c{number}", "500001", "+31781112233", BEGAN + timedelta(minutes=number), seconds, verdict, record)


def test_a_bill_without_faults_asks_for_every_call_what_it_costs() -> None:
    made = bill([call(2), call(1, seconds=90)], 2300, 0, "2026-10")
    assert made.as_csv().splitlines() == [
        "callId;participantNumber;startedAt;seconds;amount",
        "c1;500001;2026-10-01T08:01:00Z;90;35",
        "c2;500001;2026-10-01T08:02:00Z;60;23",
    ]
    assert (made.faults, made.owed) == ((), 58)


def test_faults_of_each_kind_are_planted_and_told_by_row() -> None:
    made = bill([call(number) for number in range(1, 9)], 2300, 2, "2026-10")
    assert [(fault.row, fault.call_id, fault.code, fault.amount) for fault in made.faults] == [
        (2, "c1", "priceDiffers", 7),
        (3, "c2", "priceDiffers", -1),
        (4, "c3", "notRegistered", 23),
        (5, "c4", "notRegistered", 23),
        (10, "c5", "billedTwice", 23),
        (11, "c6", "billedTwice", 23),
        (12, "made-up-2026-10-1", "notInOurRecords", 23),
        (13, "made-up-2026-10-2", "notInOurRecords", 23),
    ]
    assert [line.amount for line in made.lines[:2]] == [30, 22]
    assert made.lines[2].participant_number == NOBODY
    # c5, c6, c7 and c8 are left to be paid.
    assert made.owed == 4 * 23


def test_what_is_wrong_by_itself_is_told_without_being_planted() -> None:
    calls = [
        call(1, "notRegistered"),
        call(2, "numberNotApproved"),
        call(3, "noCredit"),
        call(4, record=NEVER),
        call(5, record=WAITING),
        call(6, "noCredit", seconds=0),
    ]
    made = bill(calls, 2300, 0, "2026-10")
    assert [(fault.row, fault.code, fault.amount) for fault in made.faults] == [
        (2, "notRegistered", 23),
        (3, "numberNotApproved", 23),
        (4, "priceDiffers", 23),
        (5, "notInOurRecords", 23),
        (6, "notInOurRecords", 23),
    ]


def test_with_few_good_lines_as_many_faults_are_planted_as_there_is_room_for() -> None:
    made = bill([call(1), call(2), call(3)], 2300, 2, "2026-10")
    assert Counter(fault.code for fault in made.faults) == {"priceDiffers": 2, "notRegistered": 1, "notInOurRecords": 2}
    assert bill([], 2300, 2, "2026-10").lines == ()
