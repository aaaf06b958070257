"""How far a verification came: kept in a file, so that one that was interrupted goes on where it stopped.

Only as long as everything was good. The header is compared when it goes on: on other books, or on these with their
history written anew, a checkpoint is worth nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path


class BrokenCheckpointError(Exception):
    """A checkpoint that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last block of which all before it and itself were good."""

    number: int
    header: bytes


def read(path: Path) -> Checkpoint | None:
    """Read where to go on; None where there is no file. Raises `BrokenCheckpointError`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = Checkpoint(int(content["number"]), bytes.fromhex(content["header"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenCheckpointError(f"{path} is no checkpoint; take it away to start at the first block") from error
    if found.number < 1:
        raise BrokenCheckpointError(f"{path} names block {found.number}; take it away to start at the first block")
    return found


def write(path: Path, reached: Checkpoint) -> None:
    """Replace the file by this; whoever is interrupted leaves the old one or the new one, never half of one."""
    content = json.dumps({"number": reached.number, "header": reached.header.hex()})
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(content + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def remove(path: Path) -> None:
    """Take it away: the verification came to its end, and the next one starts at the first block."""
    path.unlink(missing_ok=True)
