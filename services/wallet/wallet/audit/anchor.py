"""The anchor: the headers of all blocks, outside the database and its administrators.

A chain in the database alone proves only that its administrator was consistent: cut the last blocks off and it
is still a chain. The anchor file has one JSON line per block, in order, and is only added to. Point it at storage
that the database's administrators cannot write.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

_TAIL_BYTES = 4096

MOST_MISSING = 10
"""Blocks that the file may lack. Each is anchored before the next is sealed, so a crash, even of two sealers at
once, leaves out fewer; a file that lacks more was taken away or replaced."""


class AnchorDisagreesError(Exception):
    """The anchor and the database tell different histories: nothing more may be sealed until a person has looked."""


class BrokenLineError(Exception):
    """A line of the anchor file that is no anchor; the message says which."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One line: a block's number, header and signature, and when it was sealed."""

    number: int
    header: bytes
    signature: bytes
    sealed_at: datetime

    def line(self) -> bytes:
        """Write it as one line of JSON."""
        at = self.sealed_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        content = {
            "number": self.number,
            "header": self.header.hex(),
            "signature": self.signature.hex(),
            "sealedAt": at,
        }
        return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def parse(line: bytes) -> Anchor:
    """Read one line back."""
    try:
        content = json.loads(line)
        return Anchor(
            int(content["number"]),
            bytes.fromhex(content["header"]),
            bytes.fromhex(content["signature"]),
            datetime.fromisoformat(content["sealedAt"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenLineError(f"{line[:80]!r} is no anchor") from error


def append_missing(path: Path, blocks_from: Callable[[int], Iterable[Anchor]]) -> int:
    """Bring the anchor file up to the database; returns how many lines were added.

    `blocks_from(n)` gives the database's blocks from number n on, in order. This is both how a new block is anchored
    and how a crash between commit and append is made good: a half-written last line is taken off, and what is
    missing is added and flushed to disk. Raises `AnchorDisagreesError` when the last anchored block is not, or not so,
    in the database.
    """
    with _locked(path) as file:
        last = _last(file, path)
        blocks = iter(blocks_from(last.number if last else 1))
        if last is not None:
            same = next(blocks, None)
            if same is None or same.number != last.number:
                raise AnchorDisagreesError(f"{path} anchored block {last.number}, which is not in the database")
            if same.header != last.header:
                raise AnchorDisagreesError(f"block {last.number} in the database is not the one that {path} anchored")
        missing = list(islice(blocks, MOST_MISSING + 1))
        if len(missing) > MOST_MISSING:
            raise AnchorDisagreesError(
                f"{path} lacks block {missing[0].number} and more than {MOST_MISSING - 1} after it"
            )
        if missing:
            file.writelines(block.line() for block in missing)
            file.flush()
            os.fsync(file.fileno())
        return len(missing)


def size(path: Path) -> int:
    """Give how far the file reaches now, so that `read` can leave out what comes later; 0 where it is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def newest(path: Path) -> Anchor | None:
    """Read the last whole line; None where there is none yet. Raises `BrokenLineError`."""
    with path.open("rb") as file:
        whole, _ = _whole_tail(file, path)
    return parse(whole.splitlines(keepends=True)[-1]) if whole else None


def read(path: Path, upto: int) -> Iterator[Anchor]:
    """Read the anchors in the first `upto` bytes, one at a time; a last line without its end is not one yet."""
    if not upto:
        return
    with path.open("rb") as file:
        while file.tell() < upto and (line := file.readline()).endswith(b"\n"):
            yield parse(line)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO]:
    new = not path.exists()
    with path.open("a+b") as file:
        # Two sealers may end in the other order than they began; the file is written in that of the blocks.
        fcntl.flock(file, fcntl.LOCK_EX)
        if new:
            _flush_folder(path.parent)
        yield file


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last(file: BinaryIO, path: Path) -> Anchor | None:
    """Read the last whole line, and take off what a crash left behind it."""
    whole, end = _whole_tail(file, path)
    if end < file.seek(0, os.SEEK_END):
        file.truncate(end)
        file.seek(0, os.SEEK_END)
    return parse(whole.splitlines(keepends=True)[-1]) if whole else None


def _whole_tail(file: BinaryIO, path: Path) -> tuple[bytes, int]:
    """Give the whole lines at the end of the file, and where they end."""
    end = file.seek(0, os.SEEK_END)
    start = max(0, end - _TAIL_BYTES)
    file.seek(start)
    tail = file.read(end - start)
    whole = tail[: tail.rfind(b"\n") + 1]
    if not whole and start:
        raise BrokenLineError(f"{path} does not end in a line")
    return whole, start + len(whole)
