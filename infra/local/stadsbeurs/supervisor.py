"""One supervisor for the whole house, crash-only: what dies or stays unready is started again; nothing outlives it.

One thread, one loop: the kernel ties the death signal of a child to the thread that started it, and a handler that
waits inside a signal deadlocks, so a signal only sets a flag.
"""

# The programs started here are our own or the system's; no argument comes from outside.
# ruff: noqa: S603

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stadsbeurs import guardian, nursery, processes
from stadsbeurs.mistakes import Mistake
from stadsbeurs.nursery import Nursery
from stadsbeurs.probes import ask
from stadsbeurs.processes import Child, Process

TICK_S = 0.05
PROBE_EVERY_S = 2.0
PROBE_EVERY_AT_START_S = 0.1
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0
STABLE_AFTER_S = 10.0
"""Ready this long, a process is forgiven its earlier deaths."""
TRIES_AT_START = 3
START_PATIENCE_S = 120.0
PATIENCE_S = 30.0
SETTINGS_WRONG = 2
"""The exit status of a process that cannot start with the settings it has; trying again would not help."""


@dataclass
class Resident:
    """A process of the house as it is now. All moments are of the monotonic clock."""

    process: Process
    child: Child | None = None
    mark: str | None = None
    ready: bool = False
    done: bool = False
    restarts: int = 0
    deaths_in_a_row: int = 0
    start_at: float = 0.0
    not_ready_since: float = 0.0
    ready_since: float = 0.0
    was_ready: bool = False
    probe_at: float = 0.0
    probing: asyncio.Task[bool] | None = None
    stop_by: float | None = None
    told_until: int = 0

    @property
    def serves(self) -> bool:
        """Whether those who need this process may start."""
        return self.done if self.process.runs_once else self.ready

    @property
    def phase(self) -> str:
        """In one word, for people."""
        if self.done:
            return "done"
        if self.child is None:
            return "waiting"
        if self.stop_by is not None:
            return "stopping"
        return "ready" if self.ready else "unready" if self.was_ready else "starting"

    @property
    def delay_s(self) -> float:
        """How long to wait before the next start."""
        return float(min(FIRST_DELAY_S * 2 ** max(self.deaths_in_a_row - 1, 0), LONGEST_DELAY_S))


@dataclass
class Supervisor:
    """Runs `table` until told to stop. `logs` gets one file per process.

    `announce` is told in one sentence what people may want to see, `record` gets the whole state when it changes,
    `on_ready` is called once, when every process is ready for the first time. What `nursery` has not read when it
    begins is read while the processes start that need none of it.
    """

    table: Sequence[Process]
    logs: Path
    announce: Callable[[str], None]
    record: Callable[[dict[str, Any]], None] = lambda _: None
    on_ready: Callable[[], None] = lambda: None
    nursery: Nursery = field(default_factory=lambda: Nursery(()))
    residents: dict[str, Resident] = field(init=False)
    phase: str = field(default="starting", init=False)

    def __post_init__(self) -> None:
        self.residents = {process.name: Resident(process) for process in self.table}
        self._needs = _closure(self.table)
        self._recorded: dict[str, Any] = {}
        self._self = {"pid": os.getpid(), "mark": processes.start_mark(os.getpid())}
        self._asked_to_stop = 0
        self._guardian: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Start everything, keep it running, and stop it all on SIGINT, SIGTERM or SIGHUP.

        Raises `Mistake` when the house cannot start; then too everything is stopped first.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._note_stop)
        self._start_guardian()
        try:
            while not self._asked_to_stop:
                self._tick()
                await asyncio.sleep(0 if self.nursery.read_one() else TICK_S)
        finally:
            await self._stop_all()
            self._dismiss_guardian()

    def _note_stop(self) -> None:
        self._asked_to_stop += 1

    def _tick(self) -> None:
        now = time.monotonic()
        for resident in self.residents.values():
            if resident.child is None:
                if not resident.done and now >= resident.start_at and self._may_start(resident.process):
                    self._start(resident, now)
            elif processes.has_exited(resident.child):
                self._note_death(resident, now)
            else:
                self._look_at(resident, now)
        if self.phase == "starting" and all(resident.serves for resident in self.residents.values()):
            self.phase = "ready"
            self._record()
            self.on_ready()
        self._record()

    def _may_start(self, process: Process) -> bool:
        return self._all_serve(process.needs) and (self.nursery.is_ready or not self.nursery.bears(process))

    def _all_serve(self, names: Iterable[str]) -> bool:
        return all(self.residents[name].serves for name in names)

    def _start(self, resident: Resident, now: float) -> None:
        process = resident.process
        log = self._log(process)
        processes.rotate(log)
        resident.told_until = log.stat().st_size if log.exists() else 0
        try:
            # On a terminal a step that reports draws its own progress; elsewhere its lines are passed on.
            start = nursery.bear if self.nursery.bears(process) else processes.spawn
            resident.child = start(process, None if self._draws(process) else log)
        except Mistake as mistake:
            if self.phase == "starting":
                raise
            # A full disk or process table: what still runs goes on, and this one is tried again.
            resident.deaths_in_a_row += 1
            resident.start_at = now + resident.delay_s
            self.announce(str(mistake))
            return
        resident.mark = processes.start_mark(resident.child.pid)
        resident.ready = resident.was_ready = process.probe is None and not process.runs_once
        resident.not_ready_since = now
        resident.probe_at = now
        self._tell_guardian(f"+{resident.child.pid} {int(process.death_signal)}")

    def _note_death(self, resident: Resident, now: float) -> None:
        assert resident.child is not None
        status = resident.child.returncode
        self._tell_guardian(f"-{resident.child.pid}")
        self._relay(resident)
        stable = resident.ready and now - resident.ready_since >= STABLE_AFTER_S
        self._forget_child(resident)
        process = resident.process
        if process.runs_once and status == 0:
            resident.done = True
            return
        how = f"was killed by signal {-status}" if status < 0 else f"stopped with exit status {status}"
        resident.deaths_in_a_row = 1 if stable else resident.deaths_in_a_row + 1
        if self.phase == "starting" and (
            process.runs_once or status == SETTINGS_WRONG or resident.deaths_in_a_row >= TRIES_AT_START
        ):
            raise Mistake(f"{process.name} {how} during the start: {processes.last_line(self._log(process))}")
        resident.restarts += 1
        resident.start_at = now + resident.delay_s
        self.announce(f"{process.name} {how}; it starts again in {resident.delay_s:.1f} s.")

    def _look_at(self, resident: Resident, now: float) -> None:
        process = resident.process
        if process.probe is None:  # a step of the start takes as long as it takes
            self._relay(resident)
            return
        if resident.probing is not None and resident.probing.done():
            self._note_readiness(resident, resident.probing.result(), now)
            resident.probing = None
        if resident.probing is None and now >= resident.probe_at:
            resident.probe_at = now + (PROBE_EVERY_S if resident.ready else PROBE_EVERY_AT_START_S)
            resident.probing = asyncio.get_running_loop().create_task(ask(process.probe))
        if resident.ready or not self._all_serve(self._needs[process.name]):
            # Without what it needs no process can be ready, and starting it again would not help.
            resident.not_ready_since = now
            return
        patience_s = PATIENCE_S if resident.was_ready else START_PATIENCE_S
        if now - resident.not_ready_since > patience_s:
            if self.phase == "starting":
                why = processes.last_line(self._log(process))
                raise Mistake(f"{process.name} was not ready within {patience_s:.0f} s: {why}")
            self.announce(f"{process.name} was not ready for {patience_s:.0f} s; it is killed and starts again.")
            self._kill(resident)

    def _note_readiness(self, resident: Resident, ready: bool, now: float) -> None:
        if ready and not resident.ready:
            resident.ready_since = now
            if resident.restarts:
                self.announce(f"{resident.process.name} is ready again.")
        resident.ready = ready
        resident.was_ready = resident.was_ready or ready

    def _relay(self, resident: Resident) -> None:
        """Announce the lines that a step which reports has written since the last look."""
        if not resident.process.reports or self._draws(resident.process):
            return
        with suppress(OSError), self._log(resident.process).open("rb") as log:
            log.seek(resident.told_until)
            whole, newline, _ = log.read().rpartition(b"\n")
            resident.told_until += len(whole) + len(newline)
            for line in whole.decode(errors="replace").splitlines():
                self.announce(line)

    def _draws(self, process: Process) -> bool:
        return process.reports and sys.stdout.isatty()

    def _log(self, process: Process) -> Path:
        return self.logs / f"{process.name}.log"

    def _forget_child(self, resident: Resident) -> None:
        if resident.probing is not None:
            resident.probing.cancel()
        resident.child, resident.probing, resident.mark, resident.ready = None, None, None, False

    def _kill(self, resident: Resident) -> None:
        if resident.child is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(resident.child.pid, signal.SIGKILL)

    async def _stop_all(self) -> None:
        """Each is asked to stop once those that need it are gone: services first, the databases last.

        A second request to stop means hurry: then all are killed; crash-only processes have nothing to lose.
        """
        self.phase = "stopping"
        hurry_after = self._asked_to_stop
        while any(resident.child is not None for resident in self.residents.values()):
            now = time.monotonic()
            hurried = self._asked_to_stop > max(hurry_after, 1)
            for resident in self.residents.values():
                if resident.child is None:
                    continue
                if processes.has_exited(resident.child):
                    self._tell_guardian(f"-{resident.child.pid}")
                    self._forget_child(resident)
                    processes.remove_temporary(resident.process)
                elif hurried or (resident.stop_by is not None and now > resident.stop_by):
                    self._kill(resident)
                elif resident.stop_by is None and not self._is_needed(resident.process.name):
                    resident.stop_by = now + resident.process.stops_within_s
                    resident.child.send_signal(resident.process.stop_signal)
            self._record()
            await asyncio.sleep(TICK_S / 2)
        self.phase = "stopped"
        self._record()

    def _is_needed(self, name: str) -> bool:
        """Whether a process that still runs needs this one, directly or not."""
        return any(
            other.child is not None and name in self._needs[other.process.name] for other in self.residents.values()
        )

    def _record(self) -> None:
        state = {
            "phase": self.phase,
            "supervisor": self._self,
            "processes": {
                name: {
                    "phase": resident.phase,
                    "pid": resident.child.pid if resident.child else None,
                    "mark": resident.mark,
                    "restarts": resident.restarts,
                    "port": resident.process.probe.port if resident.process.probe else None,
                }
                for name, resident in self.residents.items()
            },
        }
        if state != self._recorded:
            self._recorded = state
            try:
                self.record(state)
            except Mistake as mistake:  # a full disk must not stop a house that runs
                self.announce(str(mistake))

    def _start_guardian(self) -> None:
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(guardian.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def _tell_guardian(self, line: str) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            with suppress(OSError):
                self._guardian.stdin.write(f"{line}\n".encode())
                self._guardian.stdin.flush()

    def _dismiss_guardian(self) -> None:
        if self._guardian is not None and self._guardian.stdin is not None:
            self._tell_guardian("bye")
            with suppress(OSError):
                self._guardian.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._guardian.wait(5)


def _closure(table: Sequence[Process]) -> Mapping[str, frozenset[str]]:
    """All that each process needs, directly or through another. The table lists needs before those that have them."""
    needs: dict[str, frozenset[str]] = {}
    for process in table:
        direct = (*process.needs, *process.leans_on)
        unknown = [name for name in direct if name not in needs]
        assert not unknown, f"{process.name} needs {unknown}, which the table does not list before it"
        needs[process.name] = frozenset(direct).union(*(needs[name] for name in direct))
    return needs
