"""Pay out: batches, lines, approvals, and the bank's messages with what became of each entry."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0004"
down_revision = "0003"

SQL = Path(__file__).parent.parent / "sql" / "0004_payouts.sql"


def upgrade() -> None:
    run_file(SQL)
