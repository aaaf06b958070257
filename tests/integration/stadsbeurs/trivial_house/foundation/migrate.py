"""`python -m foundation.migrate <package> …`: shows that each owner's database can be entered."""

import os
import sys

import psycopg


def main() -> None:
    for package in sys.argv[1:]:
        with psycopg.connect(os.environ[f"STADSBEURS_{package.upper()}_MIGRATION_DATABASE_URL"]) as db:
            db.execute("CREATE TABLE IF NOT EXISTS migrated (once int)")


if __name__ == "__main__":
    main()
