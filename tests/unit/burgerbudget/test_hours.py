"""Whether an hour row counts: every code of the contract, their order, and the boundaries (BB-2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from burgerbudget.rules import (
    BAD_INPUT_CODES,
    KNOWN,
    Accepted,
    HourCode,
    HourContent,
    HourContext,
    HourRow,
    MalformedRow,
    Participation,
    Recognition,
    Refused,
    judge_correction,
    judge_hour,
)
from foundation.hours import Hours, hours_of
from foundation.periods import Quarter

DAY = date(2026, 8, 10)
ROW = HourRow(2, "a-1", "1700001", DAY, Decimal("2.75"), "café")
ANBI = Recognition(date(2019, 1, 1), None, pays_allowance=False)
PARTICIPANT = Participation("1700001", Quarter(2026, 2))
CONTEXT = HourContext(
    organisation=ANBI,
    participant=PARTICIPANT,
    taken=None,
    day_total=Hours(0),
    today=date(2026, 10, 1),
    day_limit=hours_of("24"),
)
SAME = HourContent("1700001", DAY, hours_of("2.75"), "café")
STOPPED = PARTICIPANT.stop(Quarter(2026, 2))


def code(row: HourRow | MalformedRow, context: HourContext) -> str:
    verdict = judge_hour(row, context)
    return verdict.code.value if isinstance(verdict, Refused) else type(verdict).__name__


def number(text: str) -> HourRow:
    return replace(ROW, hours=Decimal(text))


def test_a_good_row_is_accepted_in_its_quarter() -> None:
    assert judge_hour(ROW, CONTEXT) == Accepted(hours_of("2.75"), Quarter(2026, 3))


@pytest.mark.parametrize(
    ("row", "context", "expected"),
    [
        (number("3"), replace(CONTEXT, taken=SAME), "externalIdReused"),
        (MalformedRow(2, "a-1", "hours is leeg"), CONTEXT, "malformed"),
        (ROW, replace(CONTEXT, organisation=replace(ANBI, pays_allowance=True)), "paysAllowance"),
        (ROW, replace(CONTEXT, participant=None), "unknownParticipant"),
        (number("0"), CONTEXT, "hoursOutOfRange"),
        (number("2.8"), CONTEXT, "notQuarterHours"),
        (replace(ROW, worked_on=date(2026, 10, 2)), CONTEXT, "dateInFuture"),
        (replace(ROW, worked_on=date(2026, 3, 31)), CONTEXT, "beforeStart"),
        (ROW, replace(CONTEXT, participant=STOPPED), "stopped"),
        (
            ROW,
            replace(CONTEXT, organisation=replace(ANBI, recognised_until=date(2026, 8, 9))),
            "notRecognised",
        ),
        (ROW, replace(CONTEXT, day_total=hours_of("21.5")), "dayFull"),
    ],
)
def test_each_reason_has_its_code(row: HourRow | MalformedRow, context: HourContext, expected: str) -> None:
    assert code(row, context) == expected


def test_of_several_reasons_the_first_of_the_contract_is_given() -> None:
    # Every later fault stays in while the earlier ones are taken away one by one.
    worst = HourContext(
        organisation=Recognition(date(2027, 1, 1), None, pays_allowance=True),
        participant=None,
        taken=SAME,
        day_total=hours_of("24"),
        today=date(2025, 6, 30),
        day_limit=hours_of("24"),
    )
    future = date(2025, 7, 1)
    late_start = Participation("1700001", Quarter(2026, 1), PARTICIPANT.stop(Quarter(2025, 2)).stops)
    row = replace(ROW, worked_on=future, hours=Decimal("24.1"))
    seen = [code(MalformedRow(2, "a-1", "x"), worst)]
    context = replace(worst, taken=None)
    seen.append(code(MalformedRow(2, "a-1", "x"), context))
    seen.append(code(row, context))
    context = replace(context, organisation=replace(worst.organisation, pays_allowance=False))
    seen.append(code(row, context))
    context = replace(context, participant=late_start)
    seen.append(code(row, context))
    row = replace(row, hours=Decimal("23.9"))
    seen.append(code(row, context))
    row = replace(row, hours=Decimal("23.75"))
    seen.append(code(row, context))
    context = replace(context, today=future)
    seen.append(code(row, context))
    context = replace(context, participant=replace(late_start, start=Quarter(2025, 1)))
    seen.append(code(row, context))
    context = replace(context, participant=Participation("1700001", Quarter(2025, 1)))
    seen.append(code(row, context))
    context = replace(context, organisation=ANBI)
    seen.append(code(row, context))
    assert seen == [reason.value for reason in HourCode]


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, participant_number="1700002"),
        replace(ROW, worked_on=date(2026, 8, 11)),
        number("2.76"),
        replace(ROW, activity="koffie"),
        MalformedRow(2, "a-1", "hours is leeg"),
    ],
)
def test_a_taken_external_id_with_any_other_content_is_reused(row: HourRow | MalformedRow) -> None:
    assert code(row, replace(CONTEXT, taken=SAME)) == "externalIdReused"


@pytest.mark.parametrize("text", ["2.75", "2.750", "+2.75"])
def test_the_same_content_is_known_with_hours_compared_as_a_number(text: str) -> None:
    assert judge_hour(number(text), replace(CONTEXT, taken=SAME)) is KNOWN


def test_an_accepted_row_stays_known_whatever_has_changed_since() -> None:
    changed = HourContext(
        organisation=Recognition(date(2027, 1, 1), None, pays_allowance=True),
        participant=None,
        taken=SAME,
        day_total=hours_of("24"),
        today=date(2020, 1, 1),
        day_limit=hours_of("24"),
    )
    assert judge_hour(ROW, changed) is KNOWN


@pytest.mark.parametrize("text", ["0", "-0", "-2", "-0.1", "24.01", "24.25", "25", "30.10", "99999999999999999999"])
def test_hours_must_be_above_zero_and_at_most_24(text: str) -> None:
    assert code(number(text), CONTEXT) == "hoursOutOfRange"


@pytest.mark.parametrize("text", ["0.25", "24", "24.00", "2.7500"])
def test_quarter_hours_up_to_a_whole_day_are_accepted(text: str) -> None:
    assert code(number(text), CONTEXT) == "Accepted"


@pytest.mark.parametrize("text", ["0.1", "2.755", "23.99", "2.7500000000000001"])
def test_other_fractions_are_no_quarter_hours(text: str) -> None:
    assert code(number(text), CONTEXT) == "notQuarterHours"


def test_today_is_not_the_future_and_the_first_day_of_the_start_quarter_counts() -> None:
    assert code(replace(ROW, worked_on=date(2026, 10, 1)), CONTEXT) == "Accepted"
    assert code(replace(ROW, worked_on=date(2026, 4, 1)), CONTEXT) == "Accepted"


@pytest.mark.parametrize(
    ("worked_on", "expected"),
    [
        (date(2026, 5, 31), "notRecognised"),
        (date(2026, 6, 1), "Accepted"),
        (date(2026, 8, 10), "Accepted"),
        (date(2026, 8, 11), "notRecognised"),
    ],
)
def test_recognition_includes_its_first_and_last_day(worked_on: date, expected: str) -> None:
    organisation = Recognition(date(2026, 6, 1), date(2026, 8, 10), pays_allowance=False)
    assert code(replace(ROW, worked_on=worked_on), replace(CONTEXT, organisation=organisation)) == expected


@pytest.mark.parametrize(
    ("worked_on", "expected"),
    [
        (date(2026, 6, 30), "Accepted"),
        (date(2026, 7, 1), "stopped"),
        (date(2026, 9, 30), "stopped"),
        (date(2026, 10, 1), "Accepted"),
    ],
)
def test_only_hours_between_the_stop_and_the_restart_quarter_are_stopped(worked_on: date, expected: str) -> None:
    context = replace(CONTEXT, participant=STOPPED.restart(Quarter(2026, 4)))
    assert code(replace(ROW, worked_on=worked_on), context) == expected


def test_a_day_may_be_filled_to_exactly_24_hours() -> None:
    assert code(ROW, replace(CONTEXT, day_total=hours_of("21.25"))) == "Accepted"
    assert code(ROW, replace(CONTEXT, day_total=hours_of("21.5"))) == "dayFull"


def test_a_full_day_does_not_tell_one_organisation_about_the_hours_at_another() -> None:
    verdict = judge_hour(ROW, replace(CONTEXT, day_total=hours_of("22.5")))
    assert isinstance(verdict, Refused)
    assert "22" not in verdict.message
    assert "1700001" in verdict.message and "2,75" in verdict.message


def test_only_input_that_is_wrong_in_itself_is_a_bad_request() -> None:
    assert {reason.value for reason in BAD_INPUT_CODES} == {"malformed", "hoursOutOfRange", "notQuarterHours"}


@pytest.mark.parametrize(
    ("hours", "day_total", "expected"),
    [
        ("6", "10", "Accepted"),
        ("0", "10", "Accepted"),
        ("24", "10", "Accepted"),
        ("-1", "10", "hoursOutOfRange"),
        ("24.25", "10", "hoursOutOfRange"),
        ("5.1", "10", "notQuarterHours"),
        ("10.25", "24", "dayFull"),
        ("9.75", "24", "Accepted"),
    ],
)
def test_bb8_a_correction_gives_the_row_another_number_within_the_day(
    hours: str, day_total: str, expected: str
) -> None:
    old = replace(SAME, hours=hours_of("10"))
    verdict = judge_correction(old, Decimal(hours), hours_of(day_total), hours_of("24"))
    if isinstance(verdict, Accepted):
        assert verdict == Accepted(hours_of(hours), Quarter(2026, 3))
    assert (verdict.code.value if isinstance(verdict, Refused) else "Accepted") == expected
