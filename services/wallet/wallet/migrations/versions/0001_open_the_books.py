"""Open the books: accounts, balances, journals, entries and holds, and the functions that alone write them."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import create_foundation_tables, run_file

revision = "0001"
down_revision = None

SQL = Path(__file__).parent.parent / "sql"
PARTS = ("tables", "guards", "accounts", "posting", "gathering", "holds", "opening", "privileges")


def upgrade() -> None:
    create_foundation_tables()
    for part in PARTS:
        run_file(SQL / f"0001_{part}.sql")
