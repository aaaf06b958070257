"""Reading plain lines all at once gives what reading each by itself gives, wherever they stand in a file."""

from __future__ import annotations

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from wallet.ledger.bulk import files
from wallet.ledger.bulk.files import FileFormat, PlainLines, read_lines

# Mostly fields as services write them, and between them all that needs a look of its own.
fields = st.sampled_from(
    ["holder:1:vrij", "1", "0", "007", "1250", "999999999999999", "1000000000000000", "a\\b", "gift/1"]
)
strange = st.sampled_from(
    ["", " a", "a b", '"a"', '"', "é", "-1", "1.5", "²", "\u00a0", "x" * 150, "\t", "\x01", "\r", "\x0b"]
)
cells = st.one_of(fields, fields, fields, strange)
plain = st.tuples(
    st.just("holder:1:vrij"),
    st.sampled_from(["1", "007", "12"]),
    fields,
    st.sampled_from(["", "r"]),
    st.sampled_from(["", "e"]),
)
lines = st.one_of(plain, plain, plain, plain, st.lists(cells, max_size=7))


@given(
    st.lists(lines, max_size=12),
    st.sampled_from([";", ","]),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 1),
    st.integers(1, 4),
)
def test_all_at_once_or_one_by_one(
    content: list[list[str]], delimiter: str, end: str, before: int, at_once: int
) -> None:
    block = "".join(delimiter.join(line) + end for line in content).encode()
    file_format = FileFormat("csv", delimiter)
    with patch.object(files, "LINES_AT_ONCE", at_once):
        count, pieces = read_lines(block, file_format, before)
        found = [one for some in pieces for one in some]
    with patch.object(files, "_plain", lambda *_: None):
        assert (count, found) == (
            read_lines(block, file_format, before)[0],
            [one for some in read_lines(block, file_format, before)[1] for one in some],
        )


@given(st.lists(plain, min_size=1, max_size=5))
def test_what_services_write_is_plain(content: list[tuple[str, ...]]) -> None:
    block = "".join(";".join(line) + "\n" for line in content).encode()
    [some] = read_lines(block, FileFormat("csv", ";"), 1)[1]
    assert isinstance(some, PlainLines)
