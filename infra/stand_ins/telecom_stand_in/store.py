"""The calls that were made: one SQLite file that survives a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

WAITING, SENT, NEVER = "waiting", "sent", "never"
ALLOWED = "allowed"

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    call_id TEXT NOT NULL UNIQUE,
    participant_number TEXT NOT NULL,
    called_number TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS call_record ON call (record, number);
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `verdict` is what the municipality said before it; `record` is what became of its call record."""

    call_id: str
    participant_number: str
    called_number: str
    started_at: datetime
    seconds: int
    verdict: str
    record: str = WAITING


class Store:
    """The file; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as db:
            db.executescript(_TABLES)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            with connection:
                yield connection
        finally:
            connection.close()

    def answers(self) -> bool:
        """Tell whether the file can be read."""
        try:
            with self._opened() as db:
                db.execute("SELECT 1 FROM call LIMIT 1")
        except sqlite3.Error:
            return False
        return True

    def add(self, call: Call) -> None:
        with self._opened() as db:
            db.execute(
                "INSERT INTO call (call_id, participant_number, called_number, started_at, seconds, verdict, record)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    call.call_id,
                    call.participant_number,
                    call.called_number,
                    call.started_at.astimezone(UTC).isoformat(timespec="seconds"),
                    call.seconds,
                    call.verdict,
                    call.record,
                ),
            )

    def calls(self, record: str | None = None) -> list[Call]:
        """Give the calls in the order in which they were made, or those of which the record stands so."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT call_id, participant_number, called_number, started_at, seconds, verdict, record FROM call"
                " WHERE ? IS NULL OR record = ? ORDER BY number",
                (record, record),
            ).fetchall()
        return [
            Call(call_id, participant, called, datetime.fromisoformat(began), seconds, verdict, kept)
            for call_id, participant, called, began, seconds, verdict, kept in rows
        ]

    def mark(self, calls: Sequence[Call], record: str) -> None:
        """Write down what became of the records of these calls."""
        with self._opened() as db:
            db.executemany("UPDATE call SET record = ? WHERE call_id = ?", [(record, call.call_id) for call in calls])
