"""Seal the books: blocks, and the two functions that make them."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0002"
down_revision = "0001"

SQL = Path(__file__).parent.parent / "sql" / "0002_seals.sql"


def upgrade() -> None:
    run_file(SQL)
