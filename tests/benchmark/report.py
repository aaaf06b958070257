"""The table of what was measured: printed at the end of a run, and written where `--benchmark-report` says."""

from __future__ import annotations

import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

COMMAND = "make bench"
HEADER = ("work", "measured", "floor of the same run", "ratio", "to reach")


@dataclass(frozen=True)
class Row:
    """One figure beside its floor; what has no floor leaves that open."""

    work: str
    measured: str
    floor: str = "–"
    ratio: str = "–"
    to_reach: str = "–"

    def cells(self) -> tuple[str, ...]:
        return (self.work, self.measured, self.floor, self.ratio, self.to_reach)


class Report:
    """Collects rows, chapter by chapter, with what each chapter includes and leaves out."""

    def __init__(self) -> None:
        self._chapters: dict[str, tuple[str, list[Row]]] = {}
        self._postgres = "unknown"
        self._began: dict[str, Any] = {}
        self._taken: dict[str, float] = {}

    def chapter(self, title: str, included: str) -> None:
        self._chapters.setdefault(title, (included, []))
        self._began.setdefault(title, psutil.cpu_times())

    def add(self, title: str, row: Row) -> None:
        self._chapters[title][1].append(row)
        self._taken[title] = taken_by_the_host(self._began[title])
        print("\n  " + " | ".join(row.cells()), flush=True)

    def measured_on(self, postgres: str) -> None:
        self._postgres = postgres

    @property
    def is_empty(self) -> bool:
        return not any(rows for _, rows in self._chapters.values())

    def markdown(self) -> str:
        """Write all as Markdown: the machine and the versions first, since a figure without them says nothing."""
        lines = [
            "# Benchmarks",
            "",
            f"Made by `{COMMAND}` on {datetime.now(UTC):%Y-%m-%d}. Every ratio is against a floor measured in the same run, on",
            "the same machine and settings; no test asserts them.",
            "",
            f"- machine: {_machine()}",
            f"- versions: Python {platform.python_version()}, PostgreSQL {self._postgres}, {_libraries()}",
            "- PostgreSQL with fsync and synchronous commit on, on the same cores as everything else",
        ]
        for title, (included, rows) in self._chapters.items():
            taken = f"Of the processors' time the host gave {self._taken.get(title, 0):.0%} to other guests meanwhile."
            lines += ["", f"## {title}", "", f"{included} {taken}", "", _line(HEADER), _line(("---",) * len(HEADER))]
            lines += [_line(row.cells()) for row in rows]
        return "\n".join(lines) + "\n"

    def write(self, path: Path) -> None:
        path.write_text(self.markdown(), encoding="utf-8")


def taken_by_the_host(since: Any) -> float:
    """Give the share of the processors' time that went to other guests of the same host; 0 where nobody says so."""
    now = psutil.cpu_times()
    return (getattr(now, "steal", 0.0) - getattr(since, "steal", 0.0)) / max(sum(now) - sum(since), 0.01)


def _libraries() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("fastapi", "sqlalchemy", "psycopg", "celery"))


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    if sys.platform == "linux":
        found = subprocess.run(
            ["grep", "-m1", "model name", "/proc/cpuinfo"], capture_output=True, text=True, check=False
        ).stdout
        processor = found.partition(":")[2].strip() or processor
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores of {processor}, {memory:.0f} GiB, {platform.system()} {platform.release()}"
