"""`python -m foundation.migrate <package>`: shows that the owner's database can be entered."""

import os

import psycopg

if __name__ == "__main__":
    with psycopg.connect(os.environ["STADSBEURS_MIGRATION_DATABASE_URL"]) as db:
        db.execute("CREATE TABLE IF NOT EXISTS migrated (once int)")
