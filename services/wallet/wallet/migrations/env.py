"""What Alembic runs; the work is in `foundation.migrate`."""

from __future__ import annotations

from foundation.migrate import run

run()
