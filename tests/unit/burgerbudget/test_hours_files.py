"""Reading hours files: their columns, and their rows read and parsed."""

from __future__ import annotations

import pytest

from burgerbudget.hour_fields import parse_row
from burgerbudget.hours_files import COLUMNS
from burgerbudget.rules import HourRow, MalformedRow
from foundation.row_files import FileInspection, RawRow, UnreadableFile, read_rows

HEADER = "externalId;participantNumber;workedOn;hours;activity"


def rows_of(text: str) -> list[RawRow]:
    inspection = FileInspection(COLUMNS)
    inspection.feed(text.encode())
    return list(read_rows([text.encode()], inspection.finish(), COLUMNS))


def test_the_cells_of_a_csv_are_the_fields_of_an_hour_row() -> None:
    rows = [parse_row(row) for row in rows_of(f"{HEADER}\na-1;1700001;18-04-2026;2,75;café\na-2;1;2026-04-18;2\n")]
    assert isinstance(rows[0], HourRow)
    assert (rows[0].external_id, rows[0].participant_number, rows[0].activity) == ("a-1", "1700001", "café")
    assert (str(rows[0].worked_on), str(rows[0].hours)) == ("2026-04-18", "2.75")
    assert rows[1] == MalformedRow(3, "a-2", "De regel heeft 4 velden in plaats van 5.")


def test_an_activity_may_run_over_lines_up_to_its_limit() -> None:
    long = "x" * 99 + "\n" + "y" * 100
    [row] = rows_of(f'{HEADER}\na-1;1700001;2026-04-18;2;"{long}"\n')
    parsed = parse_row(row)
    assert isinstance(parsed, HourRow) and parsed.activity == long
    rows = rows_of(f'{HEADER}\na-1;1700001;2026-04-18;2;"{long}y"\n')
    assert [one.row for one in rows if one.problem is not None] == [2, 3]


def test_an_empty_file_and_a_wrong_header_are_told_in_the_words_of_hours() -> None:
    with pytest.raises(UnreadableFile, match="een kopregel en uren"):
        rows_of("")
    with pytest.raises(UnreadableFile, match=f"verwacht wordt '{HEADER}'"):
        rows_of("nummer;datum\n")


GOOD_FIELDS = {
    "externalId": '"externalId": "a-2"',
    "participantNumber": '"participantNumber": "1700001"',
    "workedOn": '"workedOn": "2026-04-18"',
    "hours": '"hours": "1"',
    "activity": '"activity": ""',
}


def json_item(fault: str = "", in_place_of: str = "") -> str:
    fields = [text for name, text in GOOD_FIELDS.items() if name != in_place_of]
    return "{" + ", ".join([*fields, fault] if fault else fields) + "}"


@pytest.mark.parametrize(
    "item",
    [
        "3",
        '"tekst"',
        "null",
        "[]",
        '["a", {"hours": 2}]',
        "{}",
        json_item(in_place_of="hours"),
        json_item('"hours": true', "hours"),
        json_item('"hours": null', "hours"),
        json_item('"hours": {"value": 2}', "hours"),
        json_item('"hours": [2]', "hours"),
        json_item('"hours": 1e999999999', "hours"),
        json_item('"hours": 1e-999999999', "hours"),
        json_item('"hours": 2'),
        json_item('"participantNumber": 1700001', "participantNumber"),
        json_item('"externalId": "a\\u0000b"', "externalId"),
        json_item('"activity": ["koffie"]', "activity"),
        json_item('"extra": "x"'),
    ],
)
def test_a_json_item_of_another_shape_is_malformed_and_the_next_is_read(item: str) -> None:
    rows = rows_of(f'{{"items": [{item}, {json_item()}]}}')
    assert [row.row for row in rows] == [1, 2]
    assert isinstance(parse_row(rows[0]), MalformedRow)
    assert not isinstance(parse_row(rows[1]), MalformedRow)


@pytest.mark.parametrize(
    "item", [json_item(), json_item(in_place_of="activity"), json_item('"activity": null', "activity")]
)
def test_in_json_the_activity_may_be_empty_null_or_absent(item: str) -> None:
    assert not isinstance(parse_row(rows_of(f'{{"items": [{item}]}}')[0]), MalformedRow)
