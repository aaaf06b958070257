"""Lend and receive: accounts of loans, references under which money comes in, and announcements to the schemes."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0008"
down_revision = "0007"

SQL = Path(__file__).parent.parent / "sql" / "0008_lending.sql"


def upgrade() -> None:
    run_file(SQL)
