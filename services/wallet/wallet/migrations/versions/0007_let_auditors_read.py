"""Let auditors read: a role of their own, with the books and nothing else."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0007"
down_revision = "0006"

SQL = Path(__file__).parent.parent / "sql" / "0007_roles.sql"


def upgrade() -> None:
    run_file(SQL)
