"""The business date of a local installation: one file, read by every process at every call."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from stadsbeurs.accounts import write_private
from stadsbeurs.mistakes import Mistake

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def parse(text: str) -> date:
    """Read `2026-10-01` and nothing else."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Mistake(f"{text!r} is not a date; write it as 2026-10-01.")


def read(path: Path) -> date:
    """The date in force: the one that was set, else the real one in Amsterdam."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        text = ""
    except OSError as error:
        raise Mistake(f"Cannot read {path}: {error.strerror}.") from error
    return parse(text) if text else datetime.now(AMSTERDAM).date()


def write(path: Path, day: date) -> None:
    """Set the date, in force in every process when this returns."""
    write_private(path, f"{day.isoformat()}\n")
