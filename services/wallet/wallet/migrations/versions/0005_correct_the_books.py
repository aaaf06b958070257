"""Correct the books: reversals that name what they take back, and periods that close."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0005"
down_revision = "0004"

SQL = Path(__file__).parent.parent / "sql" / "0005_corrections.sql"


def upgrade() -> None:
    run_file(SQL)
