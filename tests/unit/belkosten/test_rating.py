"""What a call record comes to: rated to the cent, known, or refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from belkosten.rules.rating import (
    Asked,
    CallContent,
    CallOutcome,
    CallRecord,
    KnownRecord,
    MalformedRecord,
    RatedCall,
    RatingContext,
    RecordCode,
    RefusedRecord,
    instant_of,
    judge_record,
    parse_record,
)
from belkosten.rules.tariffs import Tariff
from foundation.money import ZERO
from foundation.row_files import RawRow

NUMBER = "+31781112233"
STARTED = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
CELLS = ("c1", "500001", NUMBER, "2026-10-01T10:00:00+02:00", "90")
LINE = UUID(int=1)
TODAY = date(2026, 10, 1)
CONTEXT = RatingContext(None, None, True, LINE, Tariff(2300), TODAY, TODAY)
CONTENT = CallContent("500001", STARTED, 90)


def record(seconds: int = 90, started: datetime = STARTED, participant: str = "500001") -> CallRecord:
    return CallRecord(2, "c1", NUMBER, CallContent(participant, started, seconds))


def test_a_record_is_read_with_its_instant_in_utc() -> None:
    assert parse_record(RawRow(2, CELLS)) == record()
    spaced = (" c1 ", " 500001", "0031 (0)78 111 22 33", "2026-10-01 10:00", "90 ")
    assert parse_record(RawRow(2, spaced)) == record()


def test_a_record_does_not_show_its_number() -> None:
    assert "1112233" not in repr(record())


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-10-01T10:00:00Z", "2026-10-01T10:00:00"),
        ("2026-10-01T10:00:00.5-05:00", "2026-10-01T15:00:00.500000"),
        ("2026-10-01T10:00:00", "2026-10-01T08:00:00"),
        ("2026-12-01T10:00:00", "2026-12-01T09:00:00"),
        # The hour that comes twice when summer time ends: the first.
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00"),
        # An hour that there is not when it begins.
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00"),
    ],
)
def test_an_instant_without_an_offset_is_local_time(text: str, utc: str) -> None:
    assert instant_of(text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-10-01", "20261001T100000", "01-10-2026 10:00", "2026-13-01T10:00", "10:00", "0001-01-01T00:00"]
)
def test_what_is_no_instant_is_none(text: str) -> None:
    assert instant_of(text) is None


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        (0, "", "callId is leeg"),
        (0, "c 1", "callId"),
        (0, "c" * 65, "callId"),
        (1, "0781112233", "participantNumber"),
        (1, "deelnemer", "participantNumber"),
        (2, "", "calledNumber is leeg"),
        (2, "078 111 22 33", "calledNumber"),
        (3, "gisteren", "startedAt"),
        (4, "", "seconds is leeg"),
        (4, "-1", "seconds"),
        (4, "1.5", "seconds"),
        (4, "86401", "seconds"),
        (4, "٣", "seconds"),
    ],
)
def test_a_record_that_cannot_be_read_says_which_field_and_repeats_nothing(column: int, value: str, word: str) -> None:
    cells = [*CELLS[:column], value, *CELLS[column + 1 :]]
    read = parse_record(RawRow(2, tuple(cells)))
    assert isinstance(read, MalformedRecord)
    assert read.problem.startswith(word)
    assert "1112233" not in read.problem.replace(" ", "")


def test_a_row_that_could_not_be_taken_apart_keeps_its_reason() -> None:
    assert parse_record(RawRow(7, ("c1", "", "", "", ""), "te veel velden")) == MalformedRecord(7, "te veel velden")


# 0.23 a minute, by hand: seconds x 2300 / 6000 cents, halves up.
@pytest.mark.parametrize(
    ("seconds", "cost"),
    [(0, 0), (1, 0), (2, 1), (60, 23), (90, 35), (150, 58), (210, 81), (600, 230), (3_600, 1_380), (86_400, 33_120)],
)
def test_a_call_nobody_asked_for_is_billable_whole(seconds: int, cost: int) -> None:
    assert judge_record(record(seconds), CONTEXT) == RatedCall(CallOutcome.RATED, LINE, Tariff(2300), seconds, cost)  # type: ignore[arg-type]


@pytest.mark.parametrize(("allowed", "billable", "cost"), [(90, 90, 35), (60, 60, 23), (0, 0, 0)])
def test_what_lies_beyond_what_was_allowed_is_not_billable(allowed: int, billable: int, cost: int) -> None:
    rated = judge_record(record(), replace(CONTEXT, asked=Asked("500001", allowed)))
    assert rated == RatedCall(CallOutcome.RATED, LINE, Tariff(2300), billable, cost)  # type: ignore[arg-type]


def test_a_stranger_comes_before_a_number_off_the_list_and_both_cost_nothing() -> None:
    unlisted = replace(CONTEXT, approved_number_id=None, tariff=None)
    stranger = judge_record(record(), replace(unlisted, registered=False))
    assert stranger == RatedCall(CallOutcome.NOT_REGISTERED, None, None, 0, ZERO)
    assert judge_record(record(), unlisted) == RatedCall(CallOutcome.NUMBER_NOT_APPROVED, None, None, 0, ZERO)


def test_the_same_record_again_is_known_and_another_under_its_id_is_refused() -> None:
    taken = replace(CONTEXT, taken=CONTENT)
    assert judge_record(record(), taken) == KnownRecord()
    for other in (record(91), record(started=STARTED.replace(second=1)), record(participant="500002")):
        refused = judge_record(other, taken)
        assert isinstance(refused, RefusedRecord) and refused.code is RecordCode.CALL_ID_REUSED


def test_a_record_of_another_person_than_the_call_was_allowed_to_is_refused() -> None:
    refused = judge_record(record(), replace(CONTEXT, asked=Asked("500002", 600)))
    assert isinstance(refused, RefusedRecord) and refused.code is RecordCode.CALL_ID_REUSED


def test_a_call_lies_in_the_future_only_when_both_the_business_date_and_the_real_date_are_before_it() -> None:
    # 22:30 in UTC is half past midnight on the 2nd in Amsterdam.
    late = record(started=datetime(2026, 10, 1, 22, 30, tzinfo=UTC))
    refused = judge_record(late, CONTEXT)
    assert isinstance(refused, RefusedRecord) and refused.code is RecordCode.DATE_IN_FUTURE
    assert isinstance(judge_record(late, replace(CONTEXT, today=date(2026, 10, 2))), RatedCall)
    assert isinstance(judge_record(late, replace(CONTEXT, real_today=date(2026, 10, 2))), RatedCall)


def test_what_is_written_in_the_place_of_a_number_is_not_kept_of_somebody_who_is_not_known() -> None:
    nobody = record(participant="612345678").by_nobody()
    assert nobody.content == CallContent("unknown", STARTED, 90)
