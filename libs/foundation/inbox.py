"""The inbox: what comes in from outside is kept as the bytes that came, then worked through from there."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import IO
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import now
from foundation.identifiers import new_id
from foundation.refusals import TooLarge

PIECE_BYTES = 1024 * 1024
IN_MEMORY_BYTES = 1024 * 1024


class Upload:
    """Bytes taken in from a stream, in memory while small and on disk when large, never larger than the limit."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.length = 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 (closed in __exit__)

    def __enter__(self) -> Upload:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    def take(self, piece: bytes) -> None:
        """Add a piece; raises `TooLarge` as soon as the limit is passed."""
        self.length += len(piece)
        if self.length > self.limit_bytes:
            raise TooLarge(f"Het bestand is groter dan {self.limit_bytes // 1024 // 1024} MiB. Splits het in delen.")
        self._hash.update(piece)
        self._file.write(piece)

    async def take_all(self, stream: AsyncIterator[bytes]) -> None:
        """Take a whole request body."""
        async for piece in stream:
            self.take(piece)

    def pieces(self) -> Iterator[bytes]:
        """Give the content again from its beginning."""
        self._file.seek(0)
        while piece := self._file.read(PIECE_BYTES):
            yield piece


def store(db: Session, upload: Upload, source: str, media_type: str) -> UUID:
    """Keep what came in; returns the id under which `pieces` gives it back."""
    inbox_id = new_id()
    db.execute(
        text(
            "INSERT INTO inbox (id, source, media_type, sha256, length, received_at)"
            " VALUES (:id, :source, :media_type, :sha256, :length, :now)"
        ),
        {
            "id": inbox_id,
            "source": source,
            "media_type": media_type,
            "sha256": upload.sha256,
            "length": upload.length,
            "now": now(),
        },
    )
    for number, piece in enumerate(upload.pieces()):
        db.execute(
            text("INSERT INTO inbox_piece (inbox_id, number, content) VALUES (:id, :number, :content)"),
            {"id": inbox_id, "number": number, "content": piece},
        )
    return inbox_id


def pieces(db: Session, inbox_id: UUID, first: int = 0) -> Iterator[bytes]:
    """Give what was kept, piece by piece of `PIECE_BYTES` (the last may be less), from piece `first` (from 0) on."""
    number = first
    while True:
        row = db.execute(
            text("SELECT content FROM inbox_piece WHERE inbox_id = :id AND number = :number"),
            {"id": inbox_id, "number": number},
        ).first()
        if row is None:
            return
        yield bytes(row.content)
        number += 1


def drop(db: Session, inbox_id: UUID) -> None:
    """Throw the bytes away; that they came, and their hash, stays."""
    db.execute(text("DELETE FROM inbox_piece WHERE inbox_id = :id"), {"id": inbox_id})
