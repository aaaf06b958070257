"""Reading files of rows: their formats, encodings and faults."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from foundation.row_files import (
    Columns,
    FileFormat,
    FileInspection,
    InvalidJson,
    NotText,
    RawRow,
    ReceivedFile,
    UnreadableFile,
    WrongHeader,
    detect_encoding,
    read_csv,
    read_json,
    read_rows,
    sniff,
)

COLUMNS = Columns(
    ("externalId", "participantNumber", "workedOn", "hours", "activity"),
    "uren",
    numbers=frozenset({"hours"}),
    free_text_limit=200,
)
CALLS = Columns(("callId", "startedAt", "seconds", "amount"), "gesprekken", numbers=frozenset({"seconds", "amount"}))
NUMBERS = Columns(("number", "organisation", "from", "until"), "nummers", optional_last=1)

HEADER = ";".join(COLUMNS.names)
ROW = "a-1;1700001;18-04-2026;2,75;café"
ACTIVITY = -1
HOURS = 3


def rows_of(text: str, encoding: str = "utf-8", columns: Columns = COLUMNS) -> list[RawRow]:
    content = text.encode(encoding)
    return list(read_csv([content], detect_encoding([content], columns), columns))


def inspected(content: bytes, columns: Columns = COLUMNS) -> ReceivedFile:
    inspection = FileInspection(columns)
    inspection.feed(content)
    return inspection.finish()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_every_encoding_and_line_end_gives_the_same_row(encoding: str, line_end: str, last: str) -> None:
    text = HEADER + line_end + ROW + (line_end if last else "")
    assert rows_of(text, encoding) == [RawRow(2, ("a-1", "1700001", "18-04-2026", "2,75", "café"))]


def test_commas_between_fields_go_with_points_or_quoted_commas_in_hours() -> None:
    text = ",".join(COLUMNS.names) + '\na-1,1700001,2026-04-18,2.75,café\na-2,1700001,2026-04-18,"2,75",café\n'
    assert [row.cells[HOURS] for row in rows_of(text)] == ["2.75", "2,75"]


def test_a_header_may_be_quoted() -> None:
    assert rows_of('"externalId";"participantNumber";"workedOn";"hours";"activity"\n' + ROW)[0].cells[0] == "a-1"


def test_the_row_is_the_line_in_the_file_and_blank_lines_are_skipped_but_counted() -> None:
    assert [row.row for row in rows_of(f"{HEADER}\n{ROW}\n\n  \n{ROW}\n\n")] == [2, 5]


def test_a_quoted_field_may_hold_delimiters_quotes_and_line_breaks_and_the_row_begins_at_its_first_line() -> None:
    rows = rows_of(f'{HEADER}\na-1;1700001;2026-04-18;2;"koffie; ""thee""\nen koek"\n{ROW}\n')
    assert rows[0] == RawRow(2, ("a-1", "1700001", "2026-04-18", "2", 'koffie; "thee"\nen koek'))
    assert rows[1].row == 4


def test_a_quote_that_is_never_closed_spoils_its_own_row_and_no_other() -> None:
    rows = rows_of(f'{HEADER}\na-1;1700001;2026-04-18;2;"oeps\n' + f"{ROW}\n" * 30)
    assert rows[0].problem is not None and rows[0].cells == ("a-1", "", "", "", "")
    assert [row.row for row in rows] == list(range(2, 33))
    assert all(row.problem is None for row in rows[1:])


def test_two_stray_quotes_lines_apart_do_not_swallow_the_rows_between_them() -> None:
    stray = 'a-9;1700001;2026-04-18;2;"oeps'
    rows = rows_of(f"{HEADER}\n{stray}\n{ROW}\n{ROW}\n{stray}\n{ROW}\n")
    assert [(row.row, row.problem is None) for row in rows] == [
        (2, False),
        (3, True),
        (4, True),
        (5, False),
        (6, True),
    ]


def test_a_quote_within_a_field_is_just_a_character() -> None:
    assert rows_of(f'{HEADER}\na-1;1700001;2026-04-18;2;plaat 12" zagen\n')[0].cells[ACTIVITY] == 'plaat 12" zagen'


@pytest.mark.parametrize("line", ["a-1;1700001;2026-04-18;2", ROW + ";", "a-1", ";;;;;;", 'a-1;1;2026-04-18;2;"a"b'])
def test_a_row_with_another_number_of_fields_or_a_broken_quote_is_malformed(line: str) -> None:
    rows = rows_of(f"{HEADER}\n{line}\n{ROW}\n")
    assert rows[0].problem is not None and len(rows[0].cells) == 5
    assert rows[1].problem is None


def test_a_carriage_return_within_a_line_is_no_line_end() -> None:
    rows = rows_of(f"{HEADER}\n{ROW}\r{ROW}\n{ROW}\n")
    assert [(row.row, row.problem) for row in rows] == [
        (2, "De regel heeft 9 velden in plaats van 5."),
        (3, None),
    ]


def test_a_file_with_only_a_header_has_no_rows() -> None:
    assert rows_of(HEADER) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "emptyFile"),
        (b"\xef\xbb\xbf", "emptyFile"),
        (b" \r\n\n", "emptyFile"),
        (b"PK\x03\x04\x14\x00\x06\x00", "notCsvOrJson"),
        (b"%PDF-1.7\n", "notCsvOrJson"),
        (b"\x89PNG\r\n\x1a\n", "notCsvOrJson"),
        (b"zomaar wat tekst\nen meer", "notCsvOrJson"),
        ("externalId;x".encode("utf-16"), "notText"),
        (f"{HEADER}\na\x00;1;2;3;4\n".encode(), "nulByte"),
        (b"externalId;participant;workedOn;hours;activity\n", "wrongHeader"),
        (b"externalId;participantNumber;workedOn;hours\n", "wrongHeader"),
        (b"participantNumber;externalId;workedOn;hours;activity\n", "wrongHeader"),
        (ROW.encode(), "wrongHeader"),
    ],
)
def test_what_is_no_file_of_these_rows_is_refused_with_its_reason(content: bytes, code: str) -> None:
    for look in (sniff, inspected):
        with pytest.raises(UnreadableFile) as refusal:
            look(content, COLUMNS)
        assert refusal.value.code == refusal.value.errors[0].code == code
        assert refusal.value.status == 400


def test_a_wrong_header_is_named_with_the_one_expected() -> None:
    with pytest.raises(WrongHeader, match="'nummer;datum'; verwacht wordt 'externalId;participantNumber;workedOn"):
        sniff(b"nummer;datum\n1;2\n", COLUMNS)


def test_a_row_in_the_place_of_the_header_is_not_repeated_to_whoever_reads_the_refusal() -> None:
    with pytest.raises(WrongHeader, match="De kopregel ontbreekt of heeft andere namen; verwacht wordt") as refusal:
        sniff(b"c-1;500001;+31788901234;2026-10-01T10:00:00Z;60\n", CALLS)
    assert "8901234" not in str(refusal.value)


def test_the_format_is_told_from_the_first_bytes() -> None:
    assert sniff(HEADER.encode(), COLUMNS) == FileFormat("csv", ";")
    assert sniff(",".join(COLUMNS.names).encode() + b"\r\nrest", COLUMNS) == FileFormat("csv", ",")
    assert sniff(b'\xef\xbb\xbf \n{"items": [', COLUMNS) == FileFormat("json", "")


def test_a_nul_far_into_the_file_is_found_while_it_arrives() -> None:
    inspection = FileInspection(COLUMNS)
    inspection.feed(f"{HEADER}\n".encode() + f"{ROW}\n".encode() * 1000)
    with pytest.raises(UnreadableFile, match="NUL"):
        inspection.feed(b"a;b\x00;c")


@pytest.mark.parametrize("tail", [b"\x81", b"caf\xe9\x8d"])
def test_what_is_neither_utf8_nor_windows_1252_is_refused(tail: bytes) -> None:
    with pytest.raises(NotText):
        inspected(f"{HEADER}\n".encode() + tail)


def test_a_file_with_a_bom_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(NotText):
        inspected(f"\ufeff{HEADER}\n".encode() + b"caf\xe9\n")


def test_one_windows_1252_letter_at_the_very_end_decides_the_encoding() -> None:
    content = f"{HEADER}\n".encode() + f"{ROW}\n".replace("é", "e").encode() * 2000 + b"b;1;2026-04-18;1;caf\xe9"
    chunks = [content[start : start + 1000] for start in range(0, len(content), 1000)]
    assert detect_encoding(chunks, COLUMNS) == "cp1252"
    assert list(read_csv(chunks, "cp1252", COLUMNS))[-1].cells[ACTIVITY] == "café"


def json_rows(text: str, columns: Columns = COLUMNS) -> list[RawRow]:
    return list(read_rows([text.encode()], inspected(text.encode(), columns), columns))


def test_json_items_become_rows_numbered_from_one() -> None:
    rows = json_rows(
        '{"items": [{"externalId": "a-1", "participantNumber": "1700001", "workedOn": "2026-04-18", '
        '"hours": "2.75", "activity": "café"}, {"hours": 3.5, "workedOn": "18-04-2026", '
        '"participantNumber": "1700002", "externalId": "a-2"}]}'
    )
    assert rows == [
        RawRow(1, ("a-1", "1700001", "2026-04-18", "2.75", "café")),
        RawRow(2, ("a-2", "1700002", "18-04-2026", "3.5", "")),
    ]


@pytest.mark.parametrize(("number", "text"), [("2", "2"), ("-2", "-2"), ("2.50", "2.50"), ("1e1", "10"), ("0", "0")])
def test_json_hours_may_be_a_number(number: str, text: str) -> None:
    assert json_rows(f'{{"items": [{{"hours": {number}}}]}}')[0].cells[HOURS] == text


@pytest.mark.parametrize(
    "item",
    [
        "3",
        '"tekst"',
        "null",
        "[]",
        '["a", {"hours": 2}]',
        '{"hours": true}',
        '{"hours": {"value": 2}}',
        '{"hours": [2]}',
        '{"hours": 1e999999999}',
        '{"hours": 1e-999999999}',
        '{"hours": "1", "hours": 2}',
        '{"participantNumber": 1700001}',
        '{"activity": ["koffie"]}',
        '{"extra": "x"}',
    ],
)
def test_a_json_item_of_another_shape_has_a_problem_and_the_next_is_read(item: str) -> None:
    rows = json_rows(f'{{"items": [{item}, {{"externalId": "a-2"}}]}}')
    assert rows[0].row == 1 and rows[0].problem is not None and len(rows[0].cells) == 5
    assert rows[1] == RawRow(2, ("a-2", "", "", "", ""))


@pytest.mark.parametrize("item", ["{}", '{"activity": null, "hours": null}', '{"activity": ""}'])
def test_a_json_field_that_is_absent_null_or_empty_is_an_empty_cell(item: str) -> None:
    assert json_rows(f'{{"items": [{item}]}}') == [RawRow(1, ("", "", "", "", ""))]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"items": {}}',
        '{"items": null}',
        '{"items": []',
        '{"items": [{"hours": "2"}',
        '{"items": [{"hours": NaN}]}',
        '{"items": []} en meer',
        '{"items": [], "items": []}',
        '{"rows": []}',
        '{"items": [], "meer": 1}',
        '{"items": [' + "[" * 100 + "]" * 100 + "]}",
    ],
)
def test_json_of_another_shape_is_unreadable(text: str) -> None:
    with pytest.raises(InvalidJson):
        json_rows(text)


def test_json_must_be_utf8() -> None:
    with pytest.raises(NotText):
        inspected('{"items": [{"activity": "café"}]}'.encode("cp1252"))


def endless_line() -> Iterator[bytes]:
    yield f"{HEADER}\n{ROW};".encode()
    for _ in range(128):
        yield b"x" * 65_536
    yield f"\n{ROW}\n".encode()


def endless_quote() -> Iterator[bytes]:
    yield f'{HEADER}\na;1;2026-04-18;2;"'.encode()
    for _ in range(1500):
        yield b"y" * 5_000 + b"\n"


def many_rows() -> Iterator[bytes]:
    yield f"{HEADER}\n".encode()
    for _ in range(16):
        yield f"{ROW}\n".encode() * 2_000


def many_items() -> Iterator[bytes]:
    yield b'{"items": [1'
    for _ in range(16):
        yield b',{"externalId":"a","hours":1,"x":[1,2,3]}' * 2_000
    yield b"]}"


@pytest.mark.parametrize(
    ("chunks", "read"),
    [
        (endless_line, lambda chunks: read_csv(chunks, "utf-8-sig", COLUMNS)),
        (endless_quote, lambda chunks: read_csv(chunks, "utf-8-sig", COLUMNS)),
        (many_rows, lambda chunks: read_csv(chunks, "utf-8-sig", COLUMNS)),
        (many_items, lambda chunks: read_json(chunks, COLUMNS)),
    ],
)
def test_memory_stays_flat_whatever_the_file_holds(
    chunks: Callable[[], Iterator[bytes]], read: Callable[[Iterator[bytes]], Iterator[RawRow]]
) -> None:
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(chunks()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count >= 2
    assert peak < 4_000_000


def test_a_line_too_long_is_malformed_and_keeps_its_first_cell() -> None:
    rows = list(read_csv(endless_line(), "utf-8-sig", COLUMNS))
    assert [(row.row, row.cells[0], row.problem is None) for row in rows] == [
        (2, "a-1", False),
        (3, "a-1", True),
    ]


def test_json_with_a_text_that_does_not_end_is_unreadable_before_it_fills_the_memory() -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"items": [{"activity": "'
        while True:
            yield b"x" * 65_536

    with pytest.raises(InvalidJson, match="256 KiB"):
        list(read_json(chunks(), COLUMNS))


def test_each_kind_of_file_has_columns_of_its_own() -> None:
    text = "callId,startedAt,seconds,amount\nc-1,2026-10-01T09:30:00Z,60,23\n"
    assert rows_of(text, columns=CALLS) == [RawRow(2, ("c-1", "2026-10-01T09:30:00Z", "60", "23"))]
    with pytest.raises(WrongHeader):
        sniff(text.encode(), COLUMNS)
    item = '{"amount": 23, "seconds": 60.5, "callId": "c-1"}'
    assert json_rows(f'{{"items": [{item}]}}', CALLS) == [RawRow(1, ("c-1", "", "60.5", "23"))]


def test_an_empty_file_is_refused_in_the_words_of_what_was_expected() -> None:
    with pytest.raises(UnreadableFile, match="een kopregel en gesprekken"):
        sniff(b"", CALLS)


@pytest.mark.parametrize(
    "text",
    [
        "number;organisation;from;until\n+31203456789;Kredietbank;2026-01-01;\n",
        "number;organisation;from\n+31203456789;Kredietbank;2026-01-01\n",
    ],
)
def test_an_optional_last_column_may_be_empty_or_left_out_of_the_whole_file(text: str) -> None:
    assert rows_of(text, columns=NUMBERS) == [RawRow(2, ("+31203456789", "Kredietbank", "2026-01-01", ""))]


def test_a_row_has_as_many_fields_as_its_own_header() -> None:
    short = rows_of("number;organisation;from;until\n+31203456789;Kredietbank;2026-01-01\n", columns=NUMBERS)
    assert short == [RawRow(2, ("+31203456789", "", "", ""), "De regel heeft 3 velden in plaats van 4.")]
    long = rows_of("number;organisation;from\n+31203456789;Kredietbank;2026-01-01;\n", columns=NUMBERS)
    assert long == [RawRow(2, ("+31203456789", "", "", ""), "De regel heeft 4 velden in plaats van 3.")]


@pytest.mark.parametrize(
    "header", ["number;organisation", "organisation;from;until", "number;organisation;from;until;"]
)
def test_no_other_column_may_be_left_out_and_none_added(header: str) -> None:
    with pytest.raises(WrongHeader):
        sniff(f"{header}\n".encode(), NUMBERS)


def test_without_free_text_a_record_stands_on_one_line() -> None:
    stray = '+31203456789;"Kredietbank\n+31201234567;Zorg;2026-01-01;\nen meer";2026-01-01;\n'
    rows = rows_of(f"number;organisation;from;until\n{stray}", columns=NUMBERS)
    assert [(row.row, row.problem is None) for row in rows] == [(2, False), (3, True), (4, False)]
    quoted = 'number;organisation;from;until\n+31203456789;"Bank; en ""krediet""";2026-01-01;\n'
    assert rows_of(quoted, columns=NUMBERS)[0].cells[1] == 'Bank; en "krediet"'


def test_what_was_found_about_a_file_comes_back_from_what_is_kept_of_it() -> None:
    for content in (HEADER.encode(), f"{HEADER}\ncafé".encode("cp1252"), b'{"items": []}'):
        assert ReceivedFile.of(inspected(content).media_type) == inspected(content)
