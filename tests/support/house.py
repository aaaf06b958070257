"""A whole house for tests: started, driven and stopped with the `stadsbeurs` command, as its users do."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from foundation.identifiers import new_id
from stadsbeurs import house as house_table
from stadsbeurs import ports
from stadsbeurs.installation import Installation

COMMAND = (sys.executable, "-P", "-m", "stadsbeurs")


class House:
    """One local installation in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = ports.pick()
        self.installation = Installation.at(folder)
        self._clients: dict[tuple[str, ...], httpx.Client] = {}

    def command(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `stadsbeurs …` on this installation."""
        return subprocess.run(
            [*COMMAND, *arguments, "--data", str(self.folder)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ},
        )

    def up(self, *arguments: str) -> None:
        """Start the house, and wait until every service is ready."""
        result = self.command("up", "--detach", "--port", str(self.port), *arguments)
        assert result.returncode == 0, result.stdout + result.stderr + self.logs()

    def down(self) -> None:
        for client in self._clients.values():
            client.close()
        self.command("down")

    def today(self, day: str) -> None:
        assert self.command("today", day).returncode == 0

    def client(self, role: str, subject: str | None = None, **claims: str) -> httpx.Client:
        """Give an HTTP client that carries the token of this caller."""
        key = (role, subject or role, *(f"{name}={value}" for name, value in sorted(claims.items())))
        if key not in self._clients:
            options = [f"--{name}={value}" for name, value in claims.items()]
            token = self.command("token", "--role", role, "--subject", subject or role, *options).stdout.strip()
            self._clients[key] = httpx.Client(
                base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {token}"}, timeout=120
            )
        return self._clients[key]

    def post(self, client: httpx.Client, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> Any:
        """Post JSON with an idempotency key; gives the decoded answer of a success."""
        headers = {"Idempotency-Key": key or str(new_id())}
        answer = client.post(path, json=body, headers=headers, **options)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def processes(self) -> dict[str, int]:
        """Give the process id of each process of the house that runs."""
        state = json.loads(self.installation.state_file.read_text(encoding="utf-8"))
        return {name: row["pid"] for name, row in state["processes"].items() if row["pid"]}

    def kill(self, name: str) -> None:
        """Kill one process of the house with signal 9."""
        os.kill(self.processes()[name], signal.SIGKILL)

    def memory_mb(self) -> dict[str, float]:
        """Give what each process of ours and its children hold in memory, PostgreSQL and Valkey apart."""
        found = {}
        for name, pid in self.processes().items():
            if name in ("postgres", "valkey"):
                continue
            process = psutil.Process(pid)
            for child in [process, *process.children(recursive=True)]:
                found[f"{name}/{child.pid}"] = child.memory_info().rss / 1e6
        return found

    def owner_url(self, service: str) -> str:
        """Give the address of a service's database for the role that owns its tables."""
        plan = house_table.Plan.of(self.installation.plan())
        found = next(one for one in house_table.SERVICES if one.name == service)
        return house_table.owner_url(self.installation, plan, found)

    def logs(self) -> str:
        """Give the last lines of every log."""
        parts = []
        for path in sorted(self.installation.logs.glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
            parts.append(f"--- {path.name}\n" + "\n".join(lines))
        return "\n".join(parts)


@contextmanager
def a_house(*arguments: str) -> Iterator[House]:
    """Start a house in a new folder, stop it and throw it away."""
    folder = Path(tempfile.mkdtemp(prefix="stadsbeurs-test-"))
    house = House(folder / "data")
    try:
        house.up(*arguments)
        yield house
    finally:
        house.down()
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(condition: Callable[[], Any], what: str, within_s: float = 60, every_s: float = 0.1) -> Any:
    """Wait until something is so; gives what the condition gave."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(every_s)
    raise AssertionError(f"{what}: not within {within_s} s")
