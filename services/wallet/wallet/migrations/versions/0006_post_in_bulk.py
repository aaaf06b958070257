"""Post in bulk: files of any length, checked as sets, frozen, and posted chunk by chunk."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0006"
down_revision = "0005"

SQL = Path(__file__).parent.parent / "sql" / "0006_bulk.sql"


def upgrade() -> None:
    run_file(SQL)
