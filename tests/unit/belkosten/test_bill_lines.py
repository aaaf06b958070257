from __future__ import annotations

from datetime import UTC, datetime

import pytest

from belkosten.rules.bill_lines import BillLine, UnreadableLine, read_line
from foundation.row_files import RawRow

GOOD = ("call-1", "500001", "2026-10-01T09:30:00+02:00", "90", "35")
BEGAN = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)


def changed(**cells: str) -> RawRow:
    names = ("call_id", "number", "started", "seconds", "amount")
    return RawRow(2, tuple(cells.get(name, text) for name, text in zip(names, GOOD, strict=True)))


def message(raw: RawRow) -> str:
    read = read_line(raw)
    assert isinstance(read, UnreadableLine)
    return read.message


def test_a_line_is_read_in_whole_seconds_and_cents_and_in_utc() -> None:
    assert read_line(RawRow(2, tuple(f" {cell} " for cell in GOOD))) == BillLine(2, "call-1", "500001", BEGAN, 90, 35)


def test_an_instant_without_an_offset_is_the_time_in_the_netherlands() -> None:
    read = read_line(changed(started="2026-10-01 09:30:00"))
    assert isinstance(read, BillLine) and read.started_at == BEGAN


@pytest.mark.parametrize("amount", ["0,35", "0.35", "35.00"])
def test_an_amount_with_decimals_is_refused_and_the_message_says_in_centen(amount: str) -> None:
    assert message(changed(amount=amount)).startswith("amount heeft decimalen; schrijf het bedrag in centen")


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"call_id": ""}, "callId"),
        ({"call_id": "=1+1"}, "callId"),
        ({"call_id": "x" * 65}, "callId"),
        ({"number": ""}, "participantNumber"),
        ({"number": "5" * 65}, "participantNumber"),
        ({"started": "2026-10-01"}, "startedAt"),
        ({"started": "gisteren"}, "startedAt"),
        ({"seconds": "-1"}, "seconds"),
        ({"seconds": "1,5"}, "seconds"),
        ({"amount": "-35"}, "amount"),
        ({"amount": "€35"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": "1" * 10}, "amount"),
    ],
)
def test_a_line_that_cannot_be_read_says_which_field_it_is(cells: dict[str, str], field: str) -> None:
    assert message(changed(**cells)).startswith(field)


@pytest.mark.parametrize("number", ["+31612345678", "0031612345678", "P-1", "12345"])
def test_a_number_that_is_no_participant_number_is_forgotten_and_the_line_judged(number: str) -> None:
    read = read_line(changed(number=number))
    assert isinstance(read, BillLine) and read.participant_number == ""


def test_a_row_that_could_not_be_taken_apart_keeps_its_reason() -> None:
    assert message(RawRow(3, ("", "", "", "", ""), "De regel heeft 4 velden in plaats van 5.")).startswith("De regel")
