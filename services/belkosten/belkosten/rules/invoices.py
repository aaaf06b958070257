"""What is wrong with a line of the provider's bill, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from belkosten.rules.bill_lines import BillLine
from belkosten.rules.rating import CallOutcome
from foundation.money import ZERO, Cents


class LineCode(StrEnum):
    """What a line of a bill comes to; the first that applies, in this order."""

    BILLED_TWICE = "billedTwice"
    NOT_IN_OUR_RECORDS = "notInOurRecords"
    NOT_REGISTERED = "notRegistered"
    NUMBER_NOT_APPROVED = "numberNotApproved"
    PRICE_DIFFERS = "priceDiffers"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as its record told it, and what it came to when it was rated."""

    participant_number: str
    started_at: datetime
    outcome: CallOutcome
    cost: Cents


@dataclass(frozen=True, slots=True)
class LineContext:
    """What is known when a line is judged."""

    call: RecordedCall | None
    """The provider's own call of this id; None: we have no record of it."""
    is_billed_before: bool
    """Its id stands earlier in this bill, or an earlier bill had it approved."""
    is_registered: bool = False
    """The participant that the line names took part in the `belapp` on the day that the line names; asked only where the
    line names another participant or moment than the record, which tells it for its own."""


@dataclass(frozen=True, slots=True)
class LineJudgement:
    """What a line comes to. `difference` is what it asks above what is right, below 0 where it asks too little."""

    code: LineCode
    difference: Cents


def judge_line(line: BillLine, context: LineContext) -> LineJudgement:
    """Judge one line of a bill (rules, section 2: invoice check); only a matched line is approved for payment."""
    code = _code(line, context)
    if code is LineCode.MATCHED:
        return LineJudgement(code, ZERO)
    if code is LineCode.PRICE_DIFFERS:
        assert context.call is not None
        return LineJudgement(code, Cents(line.amount - context.call.cost))
    return LineJudgement(code, line.amount)


def _code(line: BillLine, context: LineContext) -> LineCode:
    call = context.call
    if context.is_billed_before:
        return LineCode.BILLED_TWICE
    if call is None:
        return LineCode.NOT_IN_OUR_RECORDS
    if not is_same_call(line, call):
        return LineCode.NOT_IN_OUR_RECORDS if context.is_registered else LineCode.NOT_REGISTERED
    if call.outcome is CallOutcome.NOT_REGISTERED:
        return LineCode.NOT_REGISTERED
    if call.outcome is CallOutcome.NUMBER_NOT_APPROVED:
        return LineCode.NUMBER_NOT_APPROVED
    return LineCode.MATCHED if line.amount == call.cost else LineCode.PRICE_DIFFERS


def is_same_call(line: BillLine, call: RecordedCall) -> bool:
    """Tell whether a line names the participant and the second at which the call of its id began."""
    if line.participant_number != call.participant_number:
        return False
    return line.started_at == call.started_at or _second(line.started_at) == _second(call.started_at)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
