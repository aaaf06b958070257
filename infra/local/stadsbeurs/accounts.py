"""Who the databases run as: PostgreSQL refuses to run as root, so root lends it the account `nobody`."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stadsbeurs.mistakes import Mistake


class Account(NamedTuple):
    """A numeric user and group."""

    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """The account that must run the server whose data are in `data`; None when that is who we are.

    Root uses the owner of data that are there already (they may have been made without root), else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError):
        owner = data.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise Mistake(
            "Root may not run PostgreSQL and this machine has no account `nobody`; start as another user."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def give(path: Path, account: Account | None, mode: int) -> None:
    """Make `path` readable for `account` alone. Parents are left as they are: they may be someone's private home."""
    try:
        if account is not None:
            os.chown(path, account.uid, account.gid)
        path.chmod(mode)
    except OSError as error:
        raise Mistake(f"Cannot hand {path} to the account of the database server: {error.strerror}.") from error


def private_folder(path: Path) -> Path:
    """Make `path` (0700) with its parents, or say in one sentence why that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Mistake(f"Cannot create the folder {path}: {error.strerror}.") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise Mistake(f"Cannot write in the folder {path}: permission denied.")
    return path


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` (0600), whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise Mistake(f"Cannot write {path}: {error.strerror}.") from error


def secret_in(path: Path) -> str:
    """The secret kept in `path`, made at first use."""
    import secrets

    with suppress(FileNotFoundError):
        if text := path.read_text(encoding="utf-8").strip():
            return text
    text = secrets.token_hex(24)
    write_private(path, text + "\n")
    return text
