"""Know the holders: persons, the vault with their BSN and IBAN, and who blocked whom."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0003"
down_revision = "0002"

SQL = Path(__file__).parent.parent / "sql" / "0003_holders.sql"


def upgrade() -> None:
    run_file(SQL)
