"""All that the stand-in remembers: one SQLite file that survives a restart.

Every request is one transaction, begun before anything is read, so that two at once with one idempotency key come one
after the other. No transaction is open while something is sent.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS object (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS object_of_kind ON object (kind, number);
CREATE TABLE IF NOT EXISTS delivery (
    event TEXT NOT NULL,
    url TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    status INTEGER,
    next_at REAL NOT NULL,
    PRIMARY KEY (event, url)
);
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS due (id TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, content TEXT NOT NULL);
"""

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to the first request with an idempotency key."""

    request: str
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one address; delivered once its status is 2xx."""

    event: str
    url: str
    attempts: int


def new_id(prefix: str) -> str:
    """Make an id that looks like Stripe's."""
    return f"{prefix}_{secrets.token_hex(12)}"


class Change:
    """What can be read and written inside one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def put(self, thing: Mapping[str, Any]) -> None:
        """Keep an object as it is now."""
        self._db.execute(
            "INSERT INTO object (id, kind, content) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET content = excluded.content",
            (thing["id"], thing["object"], json.dumps(thing)),
        )

    def get(self, kind: str, thing_id: str) -> Object | None:
        """Give one object."""
        row = self._db.execute("SELECT content FROM object WHERE id = ? AND kind = ?", (thing_id, kind)).fetchone()
        return _object(row[0]) if row else None

    def number(self, kind: str, thing_id: str) -> int | None:
        """Give where an object stands in the order in which they were made."""
        row = self._db.execute("SELECT number FROM object WHERE id = ? AND kind = ?", (thing_id, kind)).fetchone()
        return int(row[0]) if row else None

    def all(self, kind: str, filters: Mapping[str, str] | None = None, before: int | None = None) -> Iterator[Object]:
        """Give the objects of one kind, newest first, for which these fields have these values."""
        wanted = filters or {}
        where = "".join(" AND json_extract(content, ?) = ?" for _ in wanted)
        values = [part for name, value in wanted.items() for part in (f"$.{name}", value)]
        rows = self._db.execute(
            f"SELECT content FROM object WHERE kind = ? AND number < ?{where} ORDER BY number DESC",
            (kind, before if before is not None else 2**62, *values),
        )
        return (_object(row[0]) for row in rows)

    def announce(self, event: Mapping[str, Any], urls: tuple[str, ...], at: float) -> None:
        """Keep an event and what must be sent of it."""
        self.put(event)
        self._db.executemany(
            "INSERT INTO delivery (event, url, next_at) VALUES (?, ?, ?)", [(event["id"], url, at) for url in urls]
        )

    def to_send(self, at: float | None = None, event: str | None = None, limit: int = 20) -> list[Delivery]:
        """Give deliveries: those due at a moment, or all of one event whether delivered or not."""
        where, value = ("event = ?", event) if event is not None else (f"{_OPEN} AND next_at <= ?", at)
        rows = self._db.execute(
            f"SELECT event, url, attempts FROM delivery WHERE {where} ORDER BY next_at, rowid LIMIT ?", (value, limit)
        )
        return [Delivery(*row) for row in rows]

    def delivered(self, delivery: Delivery, status: int, next_at: float) -> None:
        """Write down how a delivery went; status 0 is no answer."""
        self._db.execute(
            "UPDATE delivery SET attempts = attempts + 1, status = ?, next_at = ? WHERE event = ? AND url = ?",
            (status, next_at, delivery.event, delivery.url),
        )

    def deliveries(self) -> dict[str, list[dict[str, Any]]]:
        """Give how the deliveries of every event stand."""
        found: dict[str, list[dict[str, Any]]] = {}
        for event, url, attempts, status in self._db.execute("SELECT event, url, attempts, status FROM delivery"):
            found.setdefault(event, []).append({"url": url, "attempts": attempts, "status": status})
        return found

    def answer(self, key: str) -> Answer | None:
        """Give what was answered under an idempotency key."""
        row = self._db.execute("SELECT request, status, body FROM answer WHERE key = ?", (key,)).fetchone()
        return Answer(*row) if row else None

    def keep_answer(self, key: str, answer: Answer) -> None:
        """Keep the first answer under an idempotency key."""
        self._db.execute("INSERT INTO answer VALUES (?, ?, ?, ?)", (key, answer.request, answer.status, answer.body))

    def end_at(self, thing_id: str, at: float) -> None:
        """Let a debit or refund end by itself at a moment."""
        self._db.execute("INSERT OR REPLACE INTO due VALUES (?, ?)", (thing_id, at))

    def take_due(self, at: float) -> list[str]:
        """Give what ends by itself by now, once."""
        found = [row[0] for row in self._db.execute("SELECT id FROM due WHERE at <= ? ORDER BY at, rowid", (at,))]
        self._db.executemany("DELETE FROM due WHERE id = ?", [(thing_id,) for thing_id in found])
        return found

    def held(self) -> bool:
        """Tell whether deliveries are held."""
        return self._db.execute("SELECT 1 FROM note WHERE name = 'held'").fetchone() is not None

    def hold(self, held: bool) -> None:
        """Hold deliveries, or let them go."""
        if held:
            self._db.execute("INSERT OR IGNORE INTO note VALUES ('held', '')")
        else:
            self._db.execute("DELETE FROM note WHERE name = 'held'")


_OPEN = "(status IS NULL OR status NOT BETWEEN 200 AND 299)"


class Store:
    """The file; each transaction has a connection of its own."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with self._connected() as db:
            db.executescript(_TABLES)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._file, timeout=5.0, isolation_level=None)
        try:
            yield db
        finally:
            db.close()

    def answers(self) -> bool:
        """Tell whether the file can be read and written."""
        try:
            with self.change() as change:
                change.held()
        except sqlite3.Error:
            return False
        return True

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction: all of it is kept, or nothing when an error leaves the block."""
        with self._connected() as db:
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield Change(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _object(content: str) -> Object:
    found: Object = json.loads(content)
    return found
