"""`python -m wallet.audit.verify [--json]`: what `stadsbeurs verify` runs.

Exit 0 when everything agrees, 1 when it does not, 2 when it could not be verified. Reads STADSBEURS_DATABASE_URL,
STADSBEURS_ANCHOR_FILE and the key under the seals: STADSBEURS_SEAL_KEY_FILE, or (as an auditor without the private
key has them, and for keys of earlier years) the public keys in STADSBEURS_SEAL_PUBLIC_KEYS_FILE.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import NoReturn

import psycopg

from wallet.audit.signing import SealKeys, UnusableKeyError
from wallet.audit.verifier import verify

DATABASE = "STADSBEURS_DATABASE_URL"
ANCHOR = "STADSBEURS_ANCHOR_FILE"
KEY = "STADSBEURS_SEAL_KEY_FILE"
PUBLIC_KEYS = "STADSBEURS_SEAL_PUBLIC_KEYS_FILE"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="wallet.audit.verify",
        description="Recompute every seal and every figure of the ledger from its rows.",
    )
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    arguments = parser.parse_args()
    url, anchor_file = _setting(DATABASE), Path(_setting(ANCHOR))
    key_files = [Path(os.environ[name]) for name in (KEY, PUBLIC_KEYS) if os.environ.get(name)]
    if not key_files:
        _give_up(f"neither {KEY} nor {PUBLIC_KEYS} is set")
    try:
        keys = SealKeys.read(*key_files)
        report = verify(url.replace("postgresql+psycopg://", "postgresql://", 1), keys, anchor_file)
    except UnusableKeyError as error:
        _give_up(str(error))
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        _give_up(f"this database has no ledger of this version: {_first_line(error)}")
    except psycopg.Error as error:
        _give_up(f"the database cannot be read: {_first_line(error)}")
    except OSError as error:
        _give_up(f"{error.filename or anchor_file} cannot be read: {error.strerror}")
    if arguments.json:
        print(json.dumps(report.as_json()))
    else:
        print("\n".join(report.as_lines()))
    raise SystemExit(0 if report.ok else 1)


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        _give_up(f"{name} is not set")
    return value


def _first_line(error: psycopg.Error) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _give_up(why: str) -> NoReturn:
    print(f"The ledger cannot be verified: {why}.", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
