"""Files of transfers: what is refused at the door, and what each line is read as."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest

from foundation.refusals import Refusal, TooLarge
from wallet.ledger.bulk import files
from wallet.ledger.bulk.files import FileFormat, FileInspection, Kind, read_lines
from wallet.ledger.bulk.rules import MAX_LINES, Fault, Line

HEADER = b"destination;amount;grantKey;reference;explanation\n"
SEMICOLON, COMMA, JSON = FileFormat("csv", ";"), FileFormat("csv", ","), FileFormat("jsonl", "")


def inspect(content: bytes, kind: Kind = "csv", piece: int = 10**9) -> FileFormat:
    inspection = FileInspection(kind)
    for start in range(0, len(content), piece):
        inspection.feed(content[start : start + piece])
    return inspection.finish()


def read(content: bytes, file_format: FileFormat = SEMICOLON, before: int = 0) -> Sequence[Line | Fault]:
    return [one for some in read_lines(content, file_format, before)[1] for one in some]


def codes(content: bytes, file_format: FileFormat = JSON) -> list[str]:
    return [one.code if isinstance(one, Fault) else "line" for one in read(content, file_format)]


@pytest.mark.parametrize("piece", [1, 7, 10**9])
@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (HEADER + b"a;1;b;;\n", "csv", SEMICOLON),
        (b"\xef\xbb\xbf" + HEADER.replace(b";", b",").replace(b"\n", b"\r\n") + b"a,1,b,,", "csv", COMMA),
        (b'"destination";"amount";"grantKey";"reference";"explanation"\na;1;b;;', "csv", SEMICOLON),
        (b'{"amount": 1}', "jsonl", JSON),
        (b'\xef\xbb\xbf{"amount": 1}\n', "jsonl", JSON),
        (b'\n{"amount": 1}\n', "jsonl", JSON),
    ],
)
def test_a_file_that_can_be_read_gives_its_format(content: bytes, kind: Kind, piece: int, expected: FileFormat) -> None:
    assert inspect(content, kind, piece) == expected
    assert FileFormat.of(expected.media_type) == expected


@pytest.mark.parametrize("piece", [1, 10**9])
@pytest.mark.parametrize(
    ("content", "kind", "code", "line"),
    [
        (b"", "csv", "emptyFile", ""),
        (b"\n\n", "csv", "emptyFile", "Regel 1"),
        (HEADER, "csv", "emptyFile", ""),
        (HEADER + b"\n  \r\n", "csv", "emptyFile", ""),
        (b"", "jsonl", "emptyFile", ""),
        (b"hello\n", "csv", "notCsv", "Regel 1"),
        (b"%PDF-1.7;\x01\n", "csv", "notCsv", "Regel 1"),
        (b'{"amount": 1}\n', "csv", "notCsv", "Regel 1"),
        (b"destination;amount;grantKey;reference\na;1;b;\n", "csv", "wrongHeader", "Regel 1"),
        (b"amount;destination;grantKey;reference;explanation\n1;a;b;;\n", "csv", "wrongHeader", "Regel 1"),
        (HEADER + b"a;1;b;;\nc;\x002;d;;\n", "csv", "nulByte", "Regel 3"),
        (HEADER + b"a;1;b;;\n\nc;2;caf\xe9;;\n", "csv", "notText", "Regel 4"),
        (HEADER + b"a;1;b;;\nc;2;caf\xc3", "csv", "notText", "Regel 3"),
        (HEADER + b"a" * 65_537, "csv", "notCsv", "Regel 2"),
        (b'{"amount": 1}\n' + b"a" * 65_537 + b"\n", "jsonl", "notJsonLines", "Regel 2"),
        (HEADER, "jsonl", "notJsonLines", "Regel 1"),
        (b'[{"amount": 1}]', "jsonl", "notJsonLines", "Regel 1"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_naming_the_line(
    content: bytes, kind: Kind, code: str, line: str, piece: int
) -> None:
    with pytest.raises(Refusal) as refused:
        inspect(content, kind, piece)
    assert (refused.value.status, refused.value.errors[0].code) == (400, code)
    assert refused.value.message.startswith(line)


def test_a_line_of_exactly_the_limit_is_read() -> None:
    assert inspect(HEADER + b"a" * 65_536 + b"\n") == SEMICOLON


def test_more_lines_than_the_limit_are_too_large() -> None:
    inspection = FileInspection("csv")
    inspection.feed(HEADER)
    some = b"a;1;b;;\n" * 100_000
    with pytest.raises(TooLarge) as refused:
        for _ in range(MAX_LINES // 100_000 + 1):
            inspection.feed(some)
    assert (refused.value.status, refused.value.errors[0].code) == (413, "tooManyLines")


def test_an_inspection_keeps_nothing_of_the_file() -> None:
    inspection = FileInspection("csv")
    inspection.feed(HEADER)
    some = b"holder:1:vrij;1;gift/1;;\n" * 40_000
    tracemalloc.start()
    for _ in range(20):
        inspection.feed(some)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_csv_lines_are_read_with_the_number_that_they_have_in_the_file() -> None:
    content = HEADER + (
        b"holder:1:vrij;1250;gift/1;case/1;gift\r\n"
        b"\n"
        b" holder:2:vrij ; 7 ; gift/2 ;;  a b \n"
        b'"holder:3:vrij";"8";"gift;3";"say ""hi""";\n'
        b"holder:4:vrij;9;gift/4;;"
    )
    assert read(content) == [
        (2, "holder:1:vrij", 1250, "gift/1", "case/1", "gift"),
        (4, "holder:2:vrij", 7, "gift/2", None, "a b"),
        (5, "holder:3:vrij", 8, "gift;3", 'say "hi"', None),
        (6, "holder:4:vrij", 9, "gift/4", None, None),
    ]
    assert read_lines(content, SEMICOLON, 0)[0] == 6


def test_a_later_block_has_no_header_and_counts_on() -> None:
    block = b"a,1,b,,\n,2,c,,\n"
    assert read_lines(block, COMMA, 100)[0] == 2
    assert read(block, COMMA, 100) == [(101, "a", 1, "b", None, None), (102, "", 2, "c", None, None)]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"a;1;b;", "malformed"),
        (b"a;1;b;;;", "malformed"),
        (b'a;1;"b;;', "malformed"),
        (b'a;1;"b"x;;', "malformed"),
        (b"a;1;b\x01;;", "malformed"),
        (b"a;1;b;c\td;", "malformed"),
        (b"a;1;b\rc;;", "malformed"),
        (b"a;1;" + b"b" * 201 + b";;", "malformed"),
        (b"a" * 201 + b";1;b;;", "malformed"),
        (b"a;;b;;", "noNumber"),
        (b"a;1,5;b;;", "noNumber"),
        (b"a;1.0;b;;", "noNumber"),
        (b"a;+1;b;;", "noNumber"),
        (b"a;1e3;b;;", "noNumber"),
        ("a;١;b;;".encode(), "noNumber"),
        (b"a;0;b;;", "amountOutOfRange"),
        (b"a;-1;b;;", "amountOutOfRange"),
        (b"a;1000000000000001;b;;", "amountOutOfRange"),
        (b"a;" + b"9" * 5_000 + b";b;;", "amountOutOfRange"),
        (b"a;1;;;", "grantKeyMissing"),
        (b"a;1; ;;", "grantKeyMissing"),
    ],
)
def test_a_line_that_asks_for_nothing_that_can_be_asked_is_a_fault_and_the_next_is_read(line: bytes, code: str) -> None:
    first, second = read(HEADER + line + b"\nholder:1:vrij;1000000000000000;b;;\n")
    assert isinstance(first, Fault)
    assert (first.line, first.code) == (2, code)
    assert second == (3, "holder:1:vrij", 10**15, "b", None, None)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"destination": "a", "amount": 5, "grantKey": "b"}', "line"),
        ('{"destination": "a", "amount": "5", "grantKey": "b"}', "noNumber"),
        ('{"destination": "a", "amount": 5.0, "grantKey": "b"}', "noNumber"),
        ('{"destination": "a", "amount": true, "grantKey": "b"}', "noNumber"),
        ('{"destination": "a", "grantKey": "b"}', "noNumber"),
        ('{"destination": "a", "amount": -5, "grantKey": "b"}', "amountOutOfRange"),
        ('{"destination": "a", "amount": 5}', "grantKeyMissing"),
        ('{"destination": 1, "amount": 5, "grantKey": "b"}', "malformed"),
        ('{"destination": "a", "amount": 5, "grantKey": ["b"]}', "malformed"),
        ('{"destination": "a", "amount": 5, "grantKey": "b\\u0000"}', "malformed"),
        ('{"destination": "a", "amount": 5, "grantKey": "b\\u001fc"}', "malformed"),
        ('{"destination": "a", "amount": 5, "grantKey": "\\ud800"}', "malformed"),
        ('{"destination": "a", "amount": 5, "grantKey": "b", "asset": "EUR"}', "malformed"),
        ('{"destination": "a"', "malformed"),
        ("[1]", "malformed"),
        ("[" * 30_000, "malformed"),
        ('{"amount": ' + "9" * 5_000 + "}", "malformed"),
    ],
)
def test_a_json_line_is_read_as_the_csv_line_that_says_the_same(line: str, code: str) -> None:
    assert codes(line.encode() + b"\n") == [code]


def test_reading_a_block_costs_a_few_times_its_size() -> None:
    block = HEADER + b"holder:0199e0b0-0000-7000-8000-000000000001:vrij;1250;gift/2026/1;case/1;gift\n" * 10_000
    tracemalloc.start()
    count, pieces = read_lines(block, SEMICOLON, 0)
    assert sum(1 for some in pieces for _ in some) == 10_000 == count - 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * len(block)
    assert files.MAX_FILE_BYTES == 512 * 1024 * 1024
