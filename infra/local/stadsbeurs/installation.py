"""One local installation: which file of it is where, and who has it in use."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stadsbeurs.accounts import private_folder, write_private
from stadsbeurs.mistakes import Mistake

DEFAULT_FOLDER = ".stadsbeurs"
ENVIRONMENT_SETTING = "STADSBEURS_ENVIRONMENT"


def project_folder(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds a pyproject.toml, else `start` itself."""
    return next((folder for folder in (start, *start.parents) if (folder / "pyproject.toml").is_file()), start)


def refuse_production(what: str) -> None:
    """Raise `Mistake` where the environment says that this is production."""
    environment = os.environ.get(ENVIRONMENT_SETTING) or "local"
    if environment == "production":
        raise Mistake(f"`stadsbeurs {what}` is for a local installation only and {ENVIRONMENT_SETTING} is production.")
    if environment != "local":
        raise Mistake(f"{ENVIRONMENT_SETTING} is {environment!r}; it must be local or production.")


@dataclass(frozen=True)
class Installation:
    """The folder of one local installation; everything it keeps lies below `root`."""

    root: Path

    @classmethod
    def at(cls, data: Path | None) -> Installation:
        """The installation in `data`, or in `.stadsbeurs` of the project we stand in."""
        return cls(Path(os.path.abspath(data if data is not None else project_folder(Path.cwd()) / DEFAULT_FOLDER)))

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def business_date_file(self) -> Path:
        return self.root / "business-date"

    @property
    def anchor_file(self) -> Path:
        return self.root / "anchors.jsonl"

    @property
    def sample_marker(self) -> Path:
        return self.root / "sample-loaded"

    @property
    def state_file(self) -> Path:
        return self.run / "state.json"

    @property
    def plan_file(self) -> Path:
        return self.run / "plan.json"

    @property
    def lock_file(self) -> Path:
        return self.run / "lock"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Make the folders that are not there yet; raises `Mistake` when they cannot be written."""
        for folder in (self.root, self.run, self.logs, self.keys):
            private_folder(folder)

    def require(self) -> None:
        """Raise `Mistake` when nothing was ever installed here."""
        if not self.keys.is_dir():
            raise Mistake(f"There is no Stadsbeurs in {self.root}; start one with `stadsbeurs up --data {self.root}`.")

    def lock(self) -> Lock:
        """Take the installation for ourselves until the lock is closed or this process ends, however it ends."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Mistake(f"Cannot write {self.lock_file}: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise Mistake(
                f"Stadsbeurs already runs in {self.root} (process {holder or 'unknown'}); "
                "stop it with `stadsbeurs down`."
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        return Lock(descriptor)

    def holder(self) -> int | None:
        """The process that has the installation in use now, if any."""
        try:
            descriptor = os.open(self.lock_file, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            with suppress(ValueError):
                return int(os.read(descriptor, 32))
        finally:
            os.close(descriptor)
        return None

    def state(self) -> dict[str, Any]:
        """What the supervisor wrote last; empty when there is nothing readable."""
        return _read_json(self.state_file)

    def write_state(self, state: dict[str, Any]) -> None:
        write_private(self.state_file, json.dumps(state, indent=1) + "\n")

    def plan(self) -> dict[str, Any]:
        """The ports and servers of the last start; empty when there was none."""
        return _read_json(self.plan_file)

    def write_plan(self, plan: dict[str, Any]) -> None:
        write_private(self.plan_file, json.dumps(plan, indent=1) + "\n")


@dataclass(frozen=True)
class Lock:
    """An installation in use by this process."""

    descriptor: int

    def close(self) -> None:
        os.close(self.descriptor)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except PermissionError:
        raise Mistake(f"Cannot read {path}: it belongs to another user.") from None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
