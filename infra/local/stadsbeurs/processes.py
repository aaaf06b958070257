"""One child process: what it is, how it is started so that it never outlives us, how it is ended."""

# The programs started here are our own or the system's; no argument comes from outside.
# ruff: noqa: S603, S607

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from typing import Any, Protocol

from stadsbeurs.accounts import Account
from stadsbeurs.mistakes import Mistake
from stadsbeurs.probes import Probe, is_ready

PYTHON = (sys.executable, "-P", "-m")
"""This Python with a module; -P keeps files in the current folder from standing in for packages."""
PR_SET_PDEATHSIG = 1
LOG_LIMIT_BYTES = 10 * 1024 * 1024
LOG_TAIL_BYTES = 64 * 1024
TRACEBACK = "Traceback (most recent call last)"
# An error may bring more lines along: SQLAlchemy shows the whole statement after it.
ERROR_LINE = re.compile(r"^(?:(?:\w+\.)+\w+|\w+(?:Error|Exception)): .+$", re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """One line of the process table.

    `needs` names the processes that must be ready before this one starts, `leans_on` those without which it can
    start but not be ready; both are stopped after it. `runs_once` marks a step of the start (a migration) that is
    done when it exits with 0; what a step that `reports` writes is for people too.
    `death_signal` is what the kernel sends it when the supervisor is killed; `stop_signal` is the polite request,
    after `stops_within_s` seconds followed by SIGKILL. `temporary` are folders to remove once it has stopped.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    needs: tuple[str, ...] = ()
    leans_on: tuple[str, ...] = ()
    probe: Probe | None = None
    runs_once: bool = False
    reports: bool = False
    folder: Path | None = None
    account: Account | None = None
    stop_signal: Signals = signal.SIGTERM
    death_signal: Signals = signal.SIGKILL
    stops_within_s: float = 10.0
    temporary: tuple[Path, ...] = field(default=())

    @property
    def module(self) -> tuple[str, ...] | None:
        """The module of ours that it runs, and its arguments; None when it is another program."""
        return self.argv[3:] if self.argv[:3] == PYTHON and self.account is None else None


class Child(Protocol):
    """A process that was started, as `subprocess.Popen` shows it."""

    pid: int

    @property
    def returncode(self) -> int | Any: ...

    @returncode.setter
    def returncode(self, status: int) -> None: ...

    def send_signal(self, number: int, /) -> None: ...

    def wait(self) -> int: ...


def spawn(process: Process, log: Path | None) -> subprocess.Popen[bytes]:
    """Start `process` in a session of its own, its output in `log` or else on our own stdout.

    Call this from the main thread only: the kernel ties the death signal to the thread that forked.
    """
    output = open_output(log)
    account = process.account
    try:
        return subprocess.Popen(
            process.argv,
            cwd=process.folder,
            env=dict(process.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=_die_with_parent(process.death_signal),  # safe here: we start no threads
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Mistake(f"Cannot start {process.name} ({process.argv[0]}): {error}.") from error
    finally:
        os.close(output)


def open_output(log: Path | None) -> int:
    """Where a child is to write: `log`, or else our own stdout."""
    try:
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if log else os.dup(1)
    except OSError as error:
        raise Mistake(f"Cannot write the log {log}: {error.strerror}.") from error


def _die_with_parent(death_signal: Signals) -> Callable[[], None] | None:
    """Linux only. Runs between fork and exec, after the change of user (which clears the setting)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl: nobody would tell us
            os._exit(1)

    return ask_kernel


def has_exited(child: Child) -> bool:
    """Whether `child` has ended; what is left of its session is killed before its number can be used again."""
    if child.returncode is not None:
        return True
    try:
        ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # someone else waited for it
        child.returncode = 0
        return True
    if ended is None:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    return True


def stop(child: Child, process: Process) -> None:
    """Ask `child` to stop, insist after `stops_within_s`, and return when it is gone."""
    with suppress(ProcessLookupError):
        child.send_signal(process.stop_signal)
    if not wait_until(lambda: has_exited(child), process.stops_within_s):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        wait_until(lambda: has_exited(child), 10.0)
    remove_temporary(process)


def remove_temporary(process: Process) -> None:
    """Remove the folders that `process` used outside the installation, once it has stopped."""
    for folder in process.temporary:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(child: Child, process: Process, log: Path | None, within_s: float) -> None:
    """Wait until the probe of `process` is answered; raises `Mistake` with the last line of its log when it is not."""
    assert process.probe is not None, "a process without a probe is never ready"
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if has_exited(child):
            raise Mistake(f"{process.name} stopped during its start: {last_line(log)}")
        if is_ready(process.probe):
            return
        time.sleep(0.01)
    stop(child, process)
    raise Mistake(f"{process.name} was not ready within {within_s:.0f} seconds: {last_line(log)}")


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Look every 10 ms; False when `within_s` seconds have passed first."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def start_mark(pid: int) -> str | None:
    """What tells the process with this number from a later one with the same number; None when it is gone."""
    if sys.platform.startswith("linux"):
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        if not after_name or after_name[0] in "ZX":
            return None
        boot = Path("/proc/sys/kernel/random/boot_id")
        return f"{boot.read_text().strip() if boot.exists() else ''}/{after_name[19]}"
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def last_line(log: Path | None) -> str:
    """What a log says last, or the error of the traceback it ends with, for use inside one sentence."""
    if log is None:
        return "it keeps no log."
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return f"see {log}."
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = ERROR_LINE.findall(text.rpartition(TRACEBACK)[2]) if TRACEBACK in text else []
    return f"{(errors or lines)[-1].strip()[:300]} (see {log})" if lines else f"see {log}."


def rotate(log: Path) -> None:
    """Keep one older log once this one has grown past 10 MiB; called before a process starts."""
    with suppress(OSError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(log.suffix + ".1"))
