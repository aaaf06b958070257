"""Starting and stopping the whole house: here, or in the background."""

# The programs started here are our own or the system's; no argument comes from outside.
# ruff: noqa: S603

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from stadsbeurs import business_date, house, keys, orphans, ports, postgres, provision, tokens, valkey
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake
from stadsbeurs.nursery import Nursery
from stadsbeurs.processes import PYTHON, Process, last_line, start_mark, wait_until
from stadsbeurs.supervisor import Supervisor

STOPS_WITHIN_S = 120.0
PAGE = "/mijn"
"""The page of a pass holder; what the other roles do, they do over HTTP."""


@dataclass(frozen=True)
class Start:
    """What `stadsbeurs up` was asked for."""

    installation: Installation
    port: int = 8000
    today: date | None = None
    empty: bool = False


class Report:
    """Tells whoever started the house how it goes: on the terminal, or as lines through a pipe to the command."""

    def __init__(self, pipe: int | None = None) -> None:
        self._pipe = pipe
        self._logs = pipe is not None

    def say(self, sentence: str) -> None:
        """Something that a person may want to know."""
        # In the background it goes to a log, where one wants to know when.
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {sentence}" if self._logs else sentence, flush=True)
        self._send(say=sentence)

    def ready(self) -> None:
        """Everything runs; the command that waits may return."""
        self._send(ready=True)
        self.close()

    def failed(self, sentence: str) -> None:
        """The house does not run, for this reason."""
        self._send(failed=sentence)
        self.close()

    def close(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None

    def _send(self, **content: object) -> None:
        if self._pipe is not None:
            with suppress(OSError):
                os.write(self._pipe, json.dumps(content).encode() + b"\n")


def run(start: Start, report: Report) -> None:
    """Start the house, stay until told to stop, and stop all of it. Raises `Mistake` when it cannot start."""
    installation = start.installation
    installation.make()
    lock = installation.lock()
    try:
        for name in orphans.end(installation.state()):
            report.say(f"{name} still ran from an earlier start and was stopped.")
        ports.require_free(start.port)
        keys.ensure(installation.keys, house.issuers())
        if start.today is not None:
            business_date.write(installation.business_date_file, start.today)
        first = not installation.state()
        nursery = Nursery()
        plan, servers = _plan(installation, start.port, nursery)
        installation.write_plan(plan.as_json())
        table = house.table(installation, plan, servers)
        if not start.empty and not installation.sample_marker.exists():
            table.append(_sample(installation, table))
        report.say(f"Starting Stadsbeurs in {installation.root}{' for the first time' if first else ''}.")
        Supervisor(
            table,
            installation.logs,
            announce=report.say,
            record=installation.write_state,
            on_ready=lambda: _welcome(start, report),
            nursery=nursery,
        ).run()
        report.say("Stopped.")
    finally:
        lock.close()


def _welcome(start: Start, report: Report) -> None:
    report.say(welcome(start.port, start.installation.root))
    report.ready()


def welcome(port: int, root: Path) -> str:
    """The address, and how each role signs in."""
    address = f"http://127.0.0.1:{port}"
    lines = [
        f"Stadsbeurs is ready: {address}",
        "",
        f"Sign in there by choosing a role; a pass holder's page is then {address}{PAGE}",
        f"A program sends a token: stadsbeurs token --role ROLE --data {root}",
        f"Roles: {', '.join(tokens.ROLES)}",
        "",
    ]
    return "\n".join(lines)


def _plan(installation: Installation, gateway_port: int, nursery: Nursery) -> tuple[house.Plan, list[Process]]:
    """Choose ports and prepare the servers that are ours to start; those named in the environment are not.

    What the first start of PostgreSQL waits for is another program: meanwhile `nursery` reads.
    """
    admin_url = os.environ.get(house.DATABASE_SETTING, "")
    redis_url = os.environ.get(house.REDIS_SETTING, "")
    known = {name: port for name, port in installation.plan().get("ports", {}).items() if isinstance(port, int)}
    if admin_url:
        provision.check_address(house.DATABASE_SETTING, admin_url, ("postgresql", "postgres"))
    elif installation.postgres.is_dir():
        # Before the choice of ports: an orphan that still stops would hold on to its own.
        postgres.stop_orphan(installation.postgres / "data")
    if redis_url:
        provision.check_address(house.REDIS_SETTING, redis_url, ("redis", "rediss", "unix", "redis+socket"))
    chosen = ports.choose(house.port_names(), known, {gateway_port})
    servers = []
    if not admin_url:
        with ThreadPoolExecutor(1) as beside:
            preparing = beside.submit(postgres.prepare, installation.postgres, chosen["postgres"])
            while not preparing.done() and nursery.read_one():
                pass
            cluster = preparing.result()
        admin_url = cluster.url()
        servers.append(cluster.process)
    if not redis_url:
        broker = valkey.prepare(installation.valkey, chosen["valkey"])
        redis_url = broker.url()
        servers.append(broker.process)
    return house.Plan(gateway_port, chosen, admin_url, redis_url), servers


def _sample(installation: Installation, table: Sequence[Process]) -> Process:
    """The last step of a first start: the sample municipality."""
    gateway = table[-1]
    return Process(
        name="sample-data",
        argv=(*PYTHON, "stadsbeurs.sample_loading", str(installation.root)),
        environment=gateway.environment,
        needs=tuple(process.name for process in table),
        runs_once=True,
        reports=True,
    )


def detach(start: Start, say: Callable[[str], None]) -> None:
    """Start the house in the background and return once it is ready; nothing of ours stays open in it.

    Raises `Mistake` with the cause when it fails.
    """
    installation = start.installation
    installation.make()
    arguments = ["up", "--data", str(installation.root), "--port", str(start.port)]
    arguments += ["--today", start.today.isoformat()] if start.today else []
    arguments += ["--empty"] if start.empty else []
    receive, send = os.pipe()
    log = installation.log("supervisor")
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*PYTHON, "stadsbeurs", *arguments, "--report-to", str(send)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=[send],
            )
    except OSError as error:
        os.close(receive)
        raise Mistake(f"Cannot start in the background: {error.strerror or error}.") from error
    finally:
        os.close(send)
    try:
        with os.fdopen(receive, "r", encoding="utf-8") as report:
            for line in report:
                content = json.loads(line)
                if "say" in content:
                    say(content["say"])
                elif "failed" in content:
                    child.wait()
                    raise Mistake(content["failed"])
                else:
                    return
    except KeyboardInterrupt:
        child.terminate()
        child.wait()
        raise
    child.wait()
    raise Mistake(f"Stadsbeurs did not start: {last_line(log)}")


def stop(installation: Installation) -> None:
    """Stop a house that runs and return when every process of it is gone. Raises `Mistake` when none runs."""
    installation.require()
    holder = installation.holder()
    if holder is None:
        left = orphans.end(installation.state())
        postgres.stop_orphan(installation.postgres / "data")
        rest = f"; stopped what was left of it: {', '.join(left)}." if left else "."
        raise Mistake(f"Stadsbeurs does not run in {installation.root}{rest}")
    mark = start_mark(holder)
    try:
        os.kill(holder, signal.SIGTERM)
    except PermissionError:
        raise Mistake(f"Stadsbeurs in {installation.root} was started by another user; stop it as that user.") from None
    except ProcessLookupError:
        pass
    if not wait_until(lambda: start_mark(holder) != mark, STOPS_WITHIN_S):
        raise Mistake(f"Stadsbeurs (process {holder}) did not stop within {STOPS_WITHIN_S:.0f} s; see its log.")
    orphans.end(installation.state())
