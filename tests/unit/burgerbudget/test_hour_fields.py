"""Reading the fields of an hour row: what is a date, a number, an empty field."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date
from decimal import Decimal

import pytest

from burgerbudget.hour_fields import parse_row
from burgerbudget.rules import HourRow, MalformedRow
from foundation.row_files import RawRow

FIELDS = ("external_id", "participant_number", "worked_on", "hours", "activity")
RAW = RawRow(2, ("a-1", "1700001", "2026-04-18", "2,75", "café"))


def replace(raw: RawRow, problem: str | None = None, **fields: str) -> RawRow:
    """The same row with other texts in these fields."""
    cells = dict(zip(FIELDS, raw.cells, strict=True)) | fields
    return changed(raw, cells=tuple(cells.values()), problem=problem)


def reason(raw: RawRow) -> str:
    row = parse_row(raw)
    assert isinstance(row, MalformedRow)
    return row.reason


def test_a_row_is_read_field_by_field() -> None:
    assert parse_row(RAW) == HourRow(2, "a-1", "1700001", date(2026, 4, 18), Decimal("2.75"), "café")


def test_spaces_around_fields_do_not_matter() -> None:
    spaced = RawRow(2, (" a-1 ", " 1700001", "2026-04-18 ", "\u00a02,75", " café "))
    assert parse_row(spaced) == parse_row(RAW)


@pytest.mark.parametrize("text", ["2026-04-18", "18-04-2026"])
def test_a_date_is_iso_or_dutch(text: str) -> None:
    row = parse_row(replace(RAW, worked_on=text))
    assert isinstance(row, HourRow) and row.worked_on == date(2026, 4, 18)


@pytest.mark.parametrize(
    "text",
    [
        "31-02-2026",
        "2026-02-30",
        "2026-13-01",
        "18/04/2026",
        "18-4-2026",
        "18-04-26",
        "20260418",
        "2026-W16-6",
        "2026-04-18T00:00",
        "0000-01-01",
        "\u0661\u0668-04-2026",
        "gisteren",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    assert reason(replace(RAW, worked_on=text)).startswith("workedOn")


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("4", "4"),
        ("4,0", "4"),
        ("4.50", "4.5"),
        ("-2", "-2"),
        ("+2", "2"),
        ("0", "0"),
        ("-0,25", "-0.25"),
        ("2.755", "2.755"),
    ],
)
def test_hours_are_any_number_with_comma_or_point_and_a_sign(text: str, hours: str) -> None:
    row = parse_row(replace(RAW, hours=text))
    assert isinstance(row, HourRow) and row.hours == Decimal(hours)


@pytest.mark.parametrize(
    "text",
    [
        "acht",
        "x",
        "1e5",
        "NaN",
        "Infinity",
        "-inf",
        "1.000,5",
        "1,000.5",
        "2,",
        ",5",
        "--2",
        "2 5",
        "2:30",
        "0x10",
        "1_0",
        "٣",
        "9" * 21,
    ],
)
def test_words_exponents_and_thousands_separators_are_no_hours(text: str) -> None:
    assert reason(replace(RAW, hours=text)).startswith("hours")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (replace(RAW, external_id=""), "externalId"),
        (replace(RAW, participant_number="  "), "participantNumber"),
        (replace(RAW, worked_on=""), "workedOn"),
        (replace(RAW, hours=""), "hours"),
    ],
)
def test_a_required_field_that_is_empty_is_malformed(raw: RawRow, name: str) -> None:
    assert reason(raw) == f"{name} is leeg; vul het veld in."


def test_the_activity_may_be_empty() -> None:
    row = parse_row(replace(RAW, activity=""))
    assert isinstance(row, HourRow) and row.activity == ""


@pytest.mark.parametrize(
    "raw",
    [
        replace(RAW, external_id="a" * 101),
        replace(RAW, external_id="a\x07"),
        replace(RAW, participant_number="1" * 33),
        replace(RAW, participant_number="1\n2"),
        replace(RAW, activity="x" * 201),
        replace(RAW, activity="x\x00y"),
        replace(RAW, problem="De regel heeft 4 velden."),
    ],
)
def test_fields_too_long_or_with_control_characters_are_malformed(raw: RawRow) -> None:
    assert reason(raw)


def test_fields_of_exactly_the_limit_and_an_activity_of_several_lines_are_read() -> None:
    longest = RawRow(2, ("a" * 100, "1" * 32, "2026-04-18", "2", "x" * 99 + "\n" + "y" * 100))
    assert isinstance(parse_row(longest), HourRow)


def test_a_malformed_row_keeps_its_external_id_for_the_test_of_a_reused_one() -> None:
    row = parse_row(replace(RAW, hours="acht"))
    assert isinstance(row, MalformedRow) and (row.row, row.external_id) == (2, "a-1")


def test_an_unusable_external_id_is_never_looked_up() -> None:
    row = parse_row(replace(RAW, external_id="a\x00b"))
    assert isinstance(row, MalformedRow) and row.external_id == ""


@pytest.mark.parametrize("text", ["Jan Jansen", "123456782", "NL91ABNA0417164300"])
def test_a_message_never_repeats_a_name_a_bsn_or_an_iban_from_a_shifted_column(text: str) -> None:
    assert text not in reason(replace(RAW, worked_on=text))
    assert text not in reason(replace(RAW, worked_on="x", hours=text))


def test_a_message_shows_a_date_that_does_not_exist() -> None:
    assert "'31-02-2026'" in reason(replace(RAW, worked_on="31-02-2026"))
