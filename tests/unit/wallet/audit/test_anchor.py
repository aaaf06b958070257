"""The anchor file: only added to, made whole after a crash, and loud when it and the database disagree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wallet.audit import anchor
from wallet.audit.anchor import Anchor, AnchorDisagreesError, BrokenLineError

AT = datetime(2026, 10, 1, 12, 0, 0, 5, tzinfo=UTC)
BLOCKS = [Anchor(number, bytes([number]) * 32, bytes([number]) * 64, AT) for number in range(1, 30)]


def blocks(upto: int) -> Callable[[int], Iterable[Anchor]]:
    """The database's blocks up to and with this one."""

    def blocks_from(number: int) -> Iterable[Anchor]:
        return BLOCKS[number - 1 : upto]

    return blocks_from


def read(path: Path) -> list[Anchor]:
    return list(anchor.read(path, anchor.size(path)))


def test_a_new_block_becomes_a_line(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"

    assert anchor.append_missing(path, blocks(1)) == 1
    assert path.read_text() == (
        '{"number":1,"header":"'
        + 32 * "01"
        + '","signature":"'
        + 64 * "01"
        + '","sealedAt":"2026-10-01T12:00:00.000005Z"}\n'
    )
    assert anchor.append_missing(path, blocks(1)) == 0
    assert anchor.append_missing(path, blocks(3)) == 2
    assert read(path) == BLOCKS[:3]


def test_a_line_half_written_in_a_crash_is_taken_off_and_written_again(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    anchor.append_missing(path, blocks(2))
    with path.open("ab") as file:
        file.write(BLOCKS[2].line()[:50])

    assert read(path) == BLOCKS[:2]
    assert anchor.append_missing(path, blocks(4)) == 2
    assert read(path) == BLOCKS[:4]


def test_what_is_written_after_a_moment_is_left_out_when_reading_up_to_it(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    anchor.append_missing(path, blocks(2))
    then = anchor.size(path)
    anchor.append_missing(path, blocks(5))

    assert list(anchor.read(path, then)) == BLOCKS[:2]


def test_no_file_is_no_anchor(tmp_path: Path) -> None:
    assert read(tmp_path / "anchor.jsonl") == []


def test_a_database_that_lost_an_anchored_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    anchor.append_missing(path, blocks(3))

    with pytest.raises(AnchorDisagreesError, match="anchored block 3, which is not in the database"):
        anchor.append_missing(path, blocks(2))


def test_a_database_with_another_block_in_the_place_of_an_anchored_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    anchor.append_missing(path, blocks(3))
    other = Anchor(3, bytes(32), bytes(64), AT)

    with pytest.raises(AnchorDisagreesError, match="block 3 in the database is not the one"):
        anchor.append_missing(path, lambda number: [other])


def test_a_file_that_lacks_more_than_a_crash_can_explain_is_not_filled_up(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"

    with pytest.raises(AnchorDisagreesError, match="lacks block 1 and more than 9 after it"):
        anchor.append_missing(path, blocks(11))
    assert read(path) == []
    assert anchor.append_missing(path, blocks(10)) == 10


def test_a_line_that_is_no_anchor_is_named(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    path.write_text('{"number":1}\n')

    with pytest.raises(BrokenLineError, match="is no anchor"):
        read(path)


def test_the_newest_anchor_is_read_without_touching_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    path.touch()
    assert anchor.newest(path) is None
    anchor.append_missing(path, blocks(3))
    with path.open("ab") as file:
        file.write(b'{"number":4,')
    left = path.read_bytes()

    assert anchor.newest(path) == BLOCKS[2]
    assert path.read_bytes() == left


def test_a_file_that_does_not_end_in_a_line_of_ours_has_no_newest_anchor(tmp_path: Path) -> None:
    path = tmp_path / "anchor.jsonl"
    path.write_bytes(b"x" * 10_000)

    with pytest.raises(BrokenLineError, match="does not end in a line"):
        anchor.newest(path)
