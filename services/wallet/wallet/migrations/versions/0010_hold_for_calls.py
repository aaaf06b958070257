"""Hold for calls: holds that take what there is and wait together, and postings that let go of holds."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0010"
down_revision = "0009"

SQL = Path(__file__).parent.parent / "sql" / "0010_calls.sql"


def upgrade() -> None:
    run_file(SQL)
