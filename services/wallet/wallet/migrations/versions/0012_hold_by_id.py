"""Hold under ids that the asker chose: asked again, what is there is given."""

from __future__ import annotations

from pathlib import Path

from foundation.migrate import run_file

revision = "0012"
down_revision = "0011"

SQL = Path(__file__).parent.parent / "sql" / "0012_holds_by_id.sql"


def upgrade() -> None:
    run_file(SQL)
