"""Pay payees: those whom a municipality owes, with what they recognise a payment by and who may not pay them."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0009"
down_revision = "0008"

SQL = Path(__file__).parent.parent / "sql" / "0009_payees.sql"


def upgrade() -> None:
    run_file(SQL)
