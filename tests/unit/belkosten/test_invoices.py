from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from belkosten.rules.bill_lines import BillLine
from belkosten.rules.invoices import LineCode, LineContext, LineJudgement, RecordedCall, judge_line
from belkosten.rules.rating import CallOutcome
from foundation.money import Cents

BEGAN = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)
LINE = BillLine(2, "call-1", "500001", BEGAN, 90, Cents(35))
CALL = RecordedCall("500001", BEGAN, CallOutcome.RATED, Cents(35))


def call(**changes: object) -> RecordedCall:
    return RecordedCall(**{**{name: getattr(CALL, name) for name in CALL.__slots__}, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("context", "code", "difference"),
    [
        (LineContext(CALL, False), LineCode.MATCHED, 0),
        (LineContext(CALL, True), LineCode.BILLED_TWICE, 35),
        (LineContext(None, True), LineCode.BILLED_TWICE, 35),
        (LineContext(None, False), LineCode.NOT_IN_OUR_RECORDS, 35),
        (LineContext(call(participant_number="500002"), False, True), LineCode.NOT_IN_OUR_RECORDS, 35),
        (LineContext(call(participant_number="500002"), False, False), LineCode.NOT_REGISTERED, 35),
        (LineContext(call(started_at=BEGAN - timedelta(seconds=1)), False, True), LineCode.NOT_IN_OUR_RECORDS, 35),
        (LineContext(call(outcome=CallOutcome.NOT_REGISTERED, cost=0), False), LineCode.NOT_REGISTERED, 35),
        (LineContext(call(outcome=CallOutcome.NUMBER_NOT_APPROVED, cost=0), False), LineCode.NUMBER_NOT_APPROVED, 35),
        (LineContext(call(cost=30), False), LineCode.PRICE_DIFFERS, 5),
        (LineContext(call(cost=40), False), LineCode.PRICE_DIFFERS, -5),
    ],
)
def test_a_line_comes_to_the_first_code_that_applies(context: LineContext, code: LineCode, difference: int) -> None:
    assert judge_line(LINE, context) == LineJudgement(code, Cents(difference))


def test_a_call_that_is_not_ours_twice_over_is_billed_twice_first() -> None:
    context = LineContext(call(outcome=CallOutcome.NOT_REGISTERED, cost=0), True)
    assert judge_line(LINE, context).code is LineCode.BILLED_TWICE


def test_a_bill_may_leave_out_what_comes_after_the_whole_second() -> None:
    context = LineContext(call(started_at=BEGAN + timedelta(milliseconds=712)), False)
    assert judge_line(LINE, context).code is LineCode.MATCHED
