"""What holds for every hours file: it reads the same however it is cut, and what was written comes back."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from burgerbudget.hour_fields import parse_row
from burgerbudget.hours_files import COLUMNS
from burgerbudget.rules import HourRow, MalformedRow
from foundation.row_files import FileInspection, RawRow, UnreadableFile, read_rows

# Letters that UTF-8 and Windows-1252 both can write, and the characters that make CSV hard.
texts = st.text(alphabet='abcé€ù,;"\n 0-', max_size=12)
ids = st.text(alphabet="abc-é0123;,", min_size=1, max_size=12)
rows = st.builds(
    HourRow,
    row=st.just(0),
    external_id=ids,
    participant_number=ids,
    worked_on=st.dates(),
    hours=st.decimals(min_value=-99, max_value=99, places=2),
    activity=texts.map(str.strip),
)


def cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(place % (len(content) + 1) for place in cuts)})
    return [content[start:end] for start, end in pairwise(places)]


def read(chunks: list[bytes]) -> list[RawRow] | str:
    inspection = FileInspection(COLUMNS)
    try:
        for chunk in chunks:
            inspection.feed(chunk)
        return list(read_rows(chunks, inspection.finish(), COLUMNS))
    except UnreadableFile as error:
        return error.code


def csv_of(content: list[HourRow], delimiter: str, line_end: str, dutch: bool) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(COLUMNS.names)
    for row in content:
        worked_on = row.worked_on.strftime("%d-%m-") + f"{row.worked_on.year:04d}" if dutch else str(row.worked_on)
        hours = str(row.hours).replace(".", ",") if dutch else str(row.hours)
        writer.writerow([row.external_id, row.participant_number, worked_on, hours, row.activity])
    return file.getvalue()


def without_row(row: HourRow | MalformedRow) -> object:
    assert isinstance(row, HourRow), row
    return (row.external_id, row.participant_number, row.worked_on, row.hours, row.activity)


@given(
    st.lists(rows, max_size=8),
    st.sampled_from(";,"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    st.lists(st.integers(min_value=0), max_size=12),
)
def test_what_was_written_as_csv_comes_back_however_it_is_cut(
    content: list[HourRow], delimiter: str, line_end: str, dutch: bool, encoding: str, cuts: list[int]
) -> None:
    written = csv_of(content, delimiter, line_end, dutch).encode(encoding)
    found = read(cut(written, cuts))
    assert not isinstance(found, str)
    assert [without_row(parse_row(raw)) for raw in found] == [without_row(row) for row in content]


@given(st.lists(rows, max_size=8), st.booleans(), st.lists(st.integers(min_value=0), max_size=12))
def test_what_was_written_as_json_comes_back_however_it_is_cut(
    content: list[HourRow], bom: bool, cuts: list[int]
) -> None:
    items = [
        {
            "externalId": row.external_id,
            "participantNumber": row.participant_number,
            "workedOn": str(row.worked_on),
            "hours": str(row.hours),
            "activity": row.activity,
        }
        for row in content
    ]
    text = json.dumps({"items": items}, ensure_ascii=False)
    found = read(cut(text.encode("utf-8-sig" if bom else "utf-8"), cuts))
    assert not isinstance(found, str)
    assert [raw.row for raw in found] == list(range(1, len(content) + 1))
    assert [without_row(parse_row(raw)) for raw in found] == [without_row(row) for row in content]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_a_reason(content: bytes) -> None:
    header = (";".join(COLUMNS.names) + "\n").encode()
    for file in (
        content,
        header + content,
        b'{"items": [' + content,
        b'{"items": [{"hours": "' + content + b'"}]}',
    ):
        found = read([file])
        if not isinstance(found, str):
            for raw in found:
                parse_row(raw)


@given(st.dates(), st.decimals(min_value=-999, max_value=999, places=3))
def test_dates_and_hours_come_back_in_both_spellings(day: date, hours: Decimal) -> None:
    iso, dutch = day.isoformat(), "-".join(reversed(day.isoformat().split("-")))
    for worked_on in (iso, dutch):
        for text in (str(hours), str(hours).replace(".", ",")):
            row = parse_row(RawRow(2, ("a", "1", worked_on, text, "")))
            assert isinstance(row, HourRow)
            assert (row.worked_on, row.hours) == (day, hours)
