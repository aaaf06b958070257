"""What holds for every file of rows: however it is cut it reads the same, and every line of it is heard."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from foundation.row_files import Columns, FileInspection, RawRow, UnreadableFile, read_csv, read_rows, sniff

HOURS = Columns(
    ("externalId", "participantNumber", "workedOn", "hours", "activity"),
    "uren",
    numbers=frozenset({"hours"}),
    free_text_limit=200,
)
NUMBERS = Columns(("number", "organisation", "from", "until"), "nummers", optional_last=1)
shapes = st.sampled_from([(HOURS, HOURS.names), (NUMBERS, NUMBERS.names), (NUMBERS, NUMBERS.names[:-1])])
"""Columns, and those of them that the header names."""


def cut(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(place % (len(content) + 1) for place in cuts)})
    return [content[start:end] for start, end in pairwise(places)]


def read(chunks: list[bytes], columns: Columns) -> list[RawRow] | str:
    inspection = FileInspection(columns)
    try:
        for chunk in chunks:
            inspection.feed(chunk)
        return list(read_rows(chunks, inspection.finish(), columns))
    except UnreadableFile as error:
        return error.code


@given(
    shapes,
    st.lists(st.text(alphabet='ab;,"\r\n1é', max_size=20), max_size=30),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    st.lists(st.integers(min_value=0), max_size=20),
)
def test_any_lines_at_all_read_the_same_however_they_are_cut(
    shape: tuple[Columns, tuple[str, ...]], lines: list[str], encoding: str, cuts: list[int]
) -> None:
    columns, header = shape
    content = "\n".join([";".join(header), *lines]).encode(encoding)
    found = read([content], columns)
    assert read(cut(content, cuts), columns) == found
    assert isinstance(found, str) or all(len(row.cells) == len(columns.names) for row in found)


@given(
    shapes,
    st.lists(
        st.sampled_from(["", " ", "a;1;2026-04-18;1;x", "a;b", "a;b;c;d", "a;b;c", 'a;1;2026-04-18;1;"x', '"']),
        max_size=60,
    ),
)
def test_every_line_that_is_not_blank_is_heard_exactly_once(
    shape: tuple[Columns, tuple[str, ...]], lines: list[str]
) -> None:
    columns, header = shape
    content = "\n".join([";".join(header), *lines]).encode()
    found = [raw.row for raw in read_csv([content], "utf-8-sig", columns)]
    assert found == sorted(set(found))
    plain = [number for number, line in enumerate(lines, start=2) if line.strip()]
    # Without free text no record runs over lines, whatever quotes there are.
    if not columns.free_text_limit or not any('"' in line for line in lines):
        assert found == plain
    assert set(found) <= set(plain)


@given(st.binary(max_size=60))
def test_sniffing_never_fails_otherwise_than_with_a_refusal(content: bytes) -> None:
    try:
        sniff(content, HOURS)
    except UnreadableFile as error:
        assert error.message
