"""Fan out: less work for each of the many whom one account pays in bulk, from the check of a file to the seal."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0011"
down_revision = "0010"

SQL = Path(__file__).parent.parent / "sql" / "0011_fan_out.sql"


def upgrade() -> None:
    run_file(SQL)
