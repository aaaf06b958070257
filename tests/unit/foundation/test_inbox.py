"""What comes in: counted, hashed, kept on disk when large, never larger than the limit."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from foundation.inbox import IN_MEMORY_BYTES, PIECE_BYTES, Upload
from foundation.refusals import TooLarge


def test_what_was_taken_in_comes_out_with_its_length_and_hash() -> None:
    content = bytes(range(256)) * 5000
    with Upload(2 * len(content)) as upload:
        for start in range(0, len(content), 999):
            upload.take(content[start : start + 999])
        assert upload.length == len(content)
        assert upload.sha256 == hashlib.sha256(content).digest()
        assert b"".join(upload.pieces()) == content
        assert [len(piece) for piece in upload.pieces()] == [PIECE_BYTES, len(content) - PIECE_BYTES]


def test_exactly_the_limit_is_allowed_and_one_byte_more_is_not() -> None:
    with Upload(10) as upload:
        upload.take(b"0123456789")
        with pytest.raises(TooLarge) as refusal:
            upload.take(b"x")
        assert refusal.value.status == 413
        assert b"".join(upload.pieces()) == b"0123456789"


def test_a_stream_is_left_as_soon_as_the_limit_is_passed() -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"x" * 1000

    with Upload(5_000) as upload, pytest.raises(TooLarge):
        asyncio.run(upload.take_all(endless()))
    assert asked == 6


def test_a_large_file_is_not_kept_in_memory() -> None:
    with Upload(100 * IN_MEMORY_BYTES) as upload:
        upload.take(b"x" * (IN_MEMORY_BYTES + 1))
        assert upload._file._rolled  # type: ignore[attr-defined]


def test_nothing_is_something_of_length_zero() -> None:
    with Upload(10) as upload:
        assert (upload.length, list(upload.pieces())) == (0, [])
