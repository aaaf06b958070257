"""What the commands of the audit read from the environment, and how they give up.

STADSBEURS_DATABASE_URL, STADSBEURS_ANCHOR_FILE and the key under the seals: STADSBEURS_SEAL_KEY_FILE, or (as an
auditor without the private key has them, and for keys of earlier years) the public keys in
STADSBEURS_SEAL_PUBLIC_KEYS_FILE.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import psycopg
from sqlalchemy.exc import DBAPIError

from wallet.audit.anchor import BrokenLineError
from wallet.audit.checkpoint import BrokenCheckpointError
from wallet.audit.signing import SealKeys, UnusableKeyError
from wallet.audit.verifier import NoSuchBlockError

DATABASE = "STADSBEURS_DATABASE_URL"
ANCHOR = "STADSBEURS_ANCHOR_FILE"
KEY = "STADSBEURS_SEAL_KEY_FILE"
PUBLIC_KEYS = "STADSBEURS_SEAL_PUBLIC_KEYS_FILE"

_NO_LEDGER = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName)


class CannotAuditError(Exception):
    """Nothing can be said of the books; the message says why, in half a sentence."""


@dataclass(frozen=True, slots=True)
class Books:
    """Where the books are, the file that they are anchored in, and the keys that are believed."""

    url: str
    anchor_file: Path
    keys: SealKeys


def books() -> Books:
    """Read where the books are. Raises `CannotAuditError`, `UnusableKeyError`."""
    url, anchor_file = _setting(DATABASE), Path(_setting(ANCHOR))
    key_files = [Path(os.environ[name]) for name in (KEY, PUBLIC_KEYS) if os.environ.get(name)]
    if not key_files:
        raise CannotAuditError(f"neither {KEY} nor {PUBLIC_KEYS} is set")
    return Books(url.replace("postgresql+psycopg://", "postgresql://", 1), anchor_file, SealKeys.read(*key_files))


@contextmanager
def giving_up(what: str) -> Iterator[None]:
    """Say in one sentence why something could not be done, and exit 2: a fault found exits 1."""
    try:
        yield
    except (CannotAuditError, UnusableKeyError, BrokenLineError, BrokenCheckpointError, NoSuchBlockError) as error:
        _give_up(what, str(error))
    except KeyboardInterrupt:
        print(f"{what}: it was interrupted.", file=sys.stderr)
        raise SystemExit(130) from None
    except (psycopg.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        reason = "this database has no ledger of this version" if isinstance(cause, _NO_LEDGER) else None
        _give_up(what, f"{reason or 'the database cannot be read'}: {_first_line(cause)}")
    except OSError as error:
        _give_up(what, f"{error.filename or 'a file'} cannot be read: {error.strerror}")


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise CannotAuditError(f"{name} is not set")
    return value


def _first_line(error: BaseException | None) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _give_up(what: str, why: str) -> NoReturn:
    print(f"{what}: {why}.", file=sys.stderr)
    raise SystemExit(2)
