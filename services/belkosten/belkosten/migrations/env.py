"""Alembic's entry: the house's own runner knows the rest."""

from foundation.migrate import run

run()
