"""Valkey as a child of ours: the broker that rings the bell, with its data beside PostgreSQL's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from stadsbeurs import ports, processes
from stadsbeurs.accounts import account_for, give, private_folder, secret_in, write_private
from stadsbeurs.binaries import find_valkey
from stadsbeurs.probes import valkey_probe
from stadsbeurs.processes import Process


@dataclass(frozen=True)
class Broker:
    """A Valkey that can be started: its address and the process to run."""

    port: int
    password: str
    process: Process

    def url(self, database: int = 0) -> str:
        """The address of one of its 16 numbered databases."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"


@dataclass(frozen=True)
class RunningValkey:
    """A Valkey started by this process, for tests and scripts; `stop()` ends it."""

    broker: Broker
    child: subprocess.Popen[bytes]

    def url(self, database: int = 0) -> str:
        """The address of one of its 16 numbered databases."""
        return self.broker.url(database)

    def stop(self) -> None:
        """Stop the server and return when it is gone. What it had is in its append-only file."""
        processes.stop(self.child, self.broker.process)


def start(folder: Path, port: int | None = None, *, durable: bool = True, within_s: float = 30.0) -> RunningValkey:
    """Start a Valkey whose data live in `folder` and return once it answers. Call it from the main thread.

    `durable=False` writes nothing to disk: for tests only.
    """
    broker = prepare(folder, port if port is not None else ports.pick(), durable=durable)
    log = folder / "valkey.log"
    child = processes.spawn(broker.process, log)
    processes.wait_until_ready(child, broker.process, log, within_s)
    return RunningValkey(broker, child)


def prepare(folder: Path, port: int, *, durable: bool = True) -> Broker:
    """Write the configuration into `folder` and say how to start the server.

    `folder` keeps the password and `data`, which belongs to the account of the server and may lie below a folder
    that this account cannot enter.
    """
    private_folder(folder)
    password = secret_in(folder / "password")
    data = folder / "data"
    account = account_for(data)
    private_folder(data)
    give(data, account, 0o700)
    program = find_valkey(account)
    # The password stands in a file and not among the arguments, which every user of the machine can read.
    write_private(data / "valkey.conf", _configuration(port, password, durable))
    give(data / "valkey.conf", account, 0o600)
    here = "/proc/self/cwd" if sys.platform.startswith("linux") else str(data)
    return Broker(
        port=port,
        password=password,
        process=Process(
            name="valkey",
            argv=(str(program), f"{here}/valkey.conf"),
            environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            probe=valkey_probe(port, password),
            folder=data,
            account=account,
            stops_within_s=20.0,
        ),
    )


def _configuration(port: int, password: str, durable: bool) -> str:
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        "protected-mode yes",
        f"requirepass {password}",
        "daemonize no",
        'logfile ""',
        f"appendonly {'yes' if durable else 'no'}",
        "appendfsync everysec",
        'save ""',
        "maxmemory 512mb",
        "maxmemory-policy noeviction",  # an evicted message is a lost one
        "tcp-keepalive 60",
    ]
    return "\n".join(lines) + "\n"
