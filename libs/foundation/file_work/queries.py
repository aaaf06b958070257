"""The SQL of files: who works on one, how far it is, and which of its rows were not accepted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from foundation.clock import now
from foundation.file_work.description import ChunkResult, File, FileWork, Outcome
from foundation.file_work.models import FileImportBase
from foundation.identifiers import new_id

LEASE_S = 20
"""Kept up after each chunk of rows, which takes about a second."""


def find(db: Session, work: FileWork[File], import_id: UUID) -> File | None:
    return db.get(work.file, import_id, populate_existing=True)


def lease_next(db: Session, work: FileWork[File]) -> File | None:
    """Take the oldest file that nobody works on and that may be taken up; its attempt is counted before the work."""
    table = _table(work.file)
    row = db.execute(
        text(
            f"""
            UPDATE {table} SET lease_token = :token, lease_until = :until, attempts = attempts + 1
            WHERE id = (SELECT f.id FROM {table} f
                        WHERE f.state = 'processing' AND coalesce(f.lease_until, :now) <= :now AND ({work.may_take})
                        ORDER BY f.received_at, f.id LIMIT 1 FOR UPDATE OF f SKIP LOCKED)
            RETURNING *
            """
        ),
        {"token": new_id(), "now": now(), "until": _lease_end()},
    ).first()
    return None if row is None else work.file(**row._mapping)


def keep_lease(db: Session, file: FileImportBase) -> bool:
    """Hold on to a file; False when another has it by now."""
    kept = db.execute(
        text(
            f"UPDATE {_table(type(file))} SET lease_until = :until WHERE id = :id AND lease_token = :token"
            " AND state = 'processing' RETURNING 1"
        ),
        {"id": file.id, "token": file.lease_token, "until": _lease_end()},
    )
    return kept.first() is not None


def _lease_end() -> datetime:
    return now() + timedelta(seconds=LEASE_S)


def let_go(db: Session, file: FileImportBase) -> None:
    """End the lease of a file that is left half way: whoever comes next may go on."""
    db.execute(
        text(f"UPDATE {_table(type(file))} SET lease_until = :now WHERE id = :id AND lease_token = :token"),
        {"id": file.id, "token": file.lease_token, "now": now()},
    )


def count_chunk(db: Session, file: FileImportBase, rows: int, result: ChunkResult) -> None:
    """Add a chunk to what a file that this worker holds has come to; attempts count from here again."""
    db.execute(
        text(
            f"UPDATE {_table(type(file))} SET rows_done = rows_done + :rows, attempts = 0,"
            " accepted = accepted + :accepted, known = known + :known, refused = refused + :refused"
            " WHERE id = :id AND lease_token = :token"
        ),
        {
            "id": file.id,
            "token": file.lease_token,
            "rows": rows,
            "accepted": result.accepted,
            "known": result.known,
            "refused": result.refused,
        },
    )


def finish(db: Session, file: FileImportBase, **changes: Any) -> bool:
    """Set the last columns of a file that this worker holds; False when another has it by now."""
    assignments = "".join(f"{name} = :{name}, " for name in changes)
    finished = db.execute(
        text(
            f"UPDATE {_table(type(file))} SET {assignments} finished_at = :now, lease_token = NULL, lease_until = NULL"
            " WHERE id = :id AND lease_token = :token RETURNING 1"
        ),
        {"id": file.id, "token": file.lease_token, "now": now(), **changes},
    )
    return finished.first() is not None


def insert_outcomes(db: Session, work: FileWork[File], import_id: UUID, outcomes: Sequence[Outcome]) -> None:
    """Write down the rows of a file that were not accepted."""
    if outcomes:
        rows, kinds, codes, messages = zip(*outcomes, strict=True)
        db.execute(
            text(
                f"INSERT INTO {_table(work.row)} (import_id, row, outcome, code, message)"
                " SELECT :id, * FROM unnest(CAST(:rows AS bigint[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]),"
                " CAST(:messages AS text[]))"
            ),
            {
                "id": import_id,
                "rows": list(rows),
                "outcomes": list(kinds),
                "codes": list(codes),
                "messages": list(messages),
            },
        )


def delete_outcomes(db: Session, work: FileWork[File], import_id: UUID) -> None:
    """Forget the outcomes of an attempt that begins again from the first row."""
    db.execute(text(f"DELETE FROM {_table(work.row)} WHERE import_id = :id"), {"id": import_id})


def outcomes(db: Session, work: FileWork[File], import_id: UUID) -> list[Any]:
    """Give every row that was not accepted, in order of the file."""
    return list(
        db.execute(
            text(f"SELECT row, outcome, code, message FROM {_table(work.row)} WHERE import_id = :id ORDER BY row"),
            {"id": import_id},
        )
    )


def _table(model: Any) -> str:
    return str(model.__table__.fullname)
