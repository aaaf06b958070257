"""Whatever a provider bills: no call is approved twice, and nothing that is not exactly what it cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from belkosten.rules.bill_lines import BillLine
from belkosten.rules.invoices import LineCode, LineContext, RecordedCall, is_same_call, judge_line
from belkosten.rules.rating import CallOutcome
from foundation.money import Cents

BEGAN = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)
NUMBERS = st.sampled_from(["500001", "500002", ""])
MOMENTS = st.integers(0, 2).map(lambda seconds: BEGAN + timedelta(seconds=seconds))
AMOUNTS = st.integers(0, 3).map(Cents)


@st.composite
def calls(draw: st.DrawFn) -> RecordedCall:
    outcome = draw(st.sampled_from(CallOutcome))
    cost = draw(AMOUNTS) if outcome is CallOutcome.RATED else Cents(0)
    return RecordedCall(draw(st.sampled_from(["500001", "500002"])), draw(MOMENTS), outcome, cost)


RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c"]), calls())
LINES = st.lists(
    st.builds(BillLine, st.just(2), st.sampled_from(["a", "b", "c", "d"]), NUMBERS, MOMENTS, st.just(60), AMOUNTS),
    max_size=12,
)


@given(RECORDS, LINES, st.booleans())
def test_the_approved_lines_are_calls_of_ours_once_each_at_what_they_cost(
    records: dict[str, RecordedCall], lines: list[BillLine], is_registered: bool
) -> None:
    billed: set[str] = set()
    approved = []
    for line in lines:
        call = records.get(line.call_id)
        judgement = judge_line(line, LineContext(call, line.call_id in billed, is_registered))
        billed.add(line.call_id)
        if judgement.code is LineCode.MATCHED:
            assert call is not None and call.outcome is CallOutcome.RATED and is_same_call(line, call)
            assert (line.amount, judgement.difference) == (call.cost, 0)
            approved.append(line.call_id)
        elif judgement.code is LineCode.PRICE_DIFFERS:
            assert call is not None and judgement.difference == line.amount - call.cost != 0
        else:
            assert judgement.difference == line.amount
    assert len(approved) == len(set(approved))
    rated = {name: call.cost for name, call in records.items() if call.outcome is CallOutcome.RATED}
    assert sum(rated[name] for name in approved) <= sum(rated.values())
