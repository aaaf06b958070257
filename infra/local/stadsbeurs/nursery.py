"""What the processes of ours have in common is read once, by the supervisor; each of them is born with it, by a fork.

Reading the libraries takes a process longer than all else it does at its start, and the house has a dozen processes. Linux
only: elsewhere libraries of the system do not survive a fork. `ps` shows the supervisor's command line for all of them;
`ps -o comm` and `top` show each by its name, shortened to what the kernel has room for.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from stadsbeurs.mistakes import Mistake
from stadsbeurs.processes import PR_SET_PDEATHSIG, Process, open_output

PR_SET_NAME = 15
NAME_LIMIT = 15
COMMON = (
    # The first one brings the web along, the second the database, the third Celery.
    "foundation.application",
    "foundation.migrate",
    "foundation.work",
    "foundation.serve",
    "foundation.file_work",
    "foundation.gathering",
    "foundation.http",
    "foundation.notices",
    "foundation.objections",
    "foundation.outbox_routes",
    "foundation.parameters",
    "foundation.schedule",
    # What is otherwise read only when a server or a worker begins.
    "uvloop",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.httptools_impl",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.beat",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
    # What several services use.
    "wallet_contract.client",
    "httpx",
    "schwifty",
    "stdnum.iso7064.mod_97_10",
)
"""No service, whose modules are its own; nothing that reads a setting, starts a thread or opens a file when it is read."""


class Nursery:
    """Reads `modules` one at a time, so that whoever has more to do can do it in between."""

    def __init__(self, modules: Sequence[str] = COMMON) -> None:
        self._unread = list(modules) if sys.platform.startswith("linux") else []
        self._path_is_safe = bool(sys.flags.safe_path)

    @property
    def is_ready(self) -> bool:
        """Whether all has been read."""
        return not self._unread

    def read_one(self) -> bool:
        """Read the next module; False when there was none left."""
        if not self._unread:
            return False
        self._leave_out_the_folder_of_the_command()
        try:
            importlib.import_module(self._unread.pop(0))
        except Exception:
            # The process that needs it says so in its own log; without this one there is little use in the others.
            self._unread.clear()
        if not self._unread:
            # The collector has no more business with it: looking at it would make each child copy it.
            gc.collect()
            gc.freeze()
        return True

    def _leave_out_the_folder_of_the_command(self) -> None:
        """What `-P` does for a process that starts by itself: files beside it are not to stand in for packages."""
        if not self._path_is_safe:
            del sys.path[0]
            self._path_is_safe = True

    def bears(self, process: Process) -> bool:
        """Whether `process` is born here: one that runs a module of ours."""
        return sys.platform.startswith("linux") and process.module is not None


class Born:
    """A child that was forked, as far as its parent has to do with it: the same as `subprocess.Popen` in that."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless its end was seen before."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait for its end; gives its exit status, or the negative number of the signal that killed it."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def bear(process: Process, log: Path | None) -> Born:
    """Start `process` as `processes.spawn` does, by a fork of this process. Call this from its only thread.

    The child has nothing of its parent but what was read: no file, no signal handler, no loop and no exit.
    """
    assert process.account is None, "a child that is forked stays who its parent is"
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()
    output = open_output(log)
    # What is not written yet would be written by both.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    # Garbage of ours, thrown away by the child, would close whatever file of the child has the number of ours by then.
    gc.collect()
    # A signal to a child that still has its parent's handlers would reach the parent, through the loop they share.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _live(process, output, lambda option, value: prctl(option, value, 0, 0, 0), parent)
    except OSError as error:
        raise Mistake(f"Cannot start {process.name}: {error}.") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(output)
    return Born(pid)


def _live(process: Process, output: int, ask_kernel: Callable[[int, Any], object], parent: int) -> NoReturn:
    """The whole life of a child. It never comes back: what stands above it on the stack is its parent's."""
    status = 1
    try:
        try:
            ask_kernel(PR_SET_PDEATHSIG, int(process.death_signal))
            if os.getppid() != parent:  # the parent died between fork and prctl: nobody would tell us
                os._exit(1)
            ask_kernel(PR_SET_NAME, short(process.name).encode())
            _settle(process, output)
            status = _work(process)
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
    except BaseException:
        with suppress(Exception):
            traceback.print_exc()
    finally:
        os._exit(status)


def short(name: str) -> str:
    """A name in the 15 characters that the kernel has for one; its last word tells the processes of a service apart."""
    first, _, last = name.rpartition("-")
    return name if len(name) <= NAME_LIMIT else f"{first[: NAME_LIMIT - 1 - len(last)].rstrip('-')}-{last}"


def _settle(process: Process, output: int) -> None:
    """Make this process what it would be if it had been started by itself."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # The loop, the lock of the installation and the pipes to others; those who own them are on the stack for ever, so
    # that none of them closes a file of ours that got its number.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    asyncio._set_running_loop(None)
    asyncio.set_event_loop_policy(None)
    os.environ.clear()
    os.environ.update(process.environment)
    if process.folder is not None:
        os.chdir(process.folder)
    for name, file in (("stdout", 1), ("stderr", 2)):
        # As PYTHONUNBUFFERED makes them at the start: a process that is killed has written all that it said.
        before = getattr(sys, name)
        stream = io.TextIOWrapper(
            io.FileIO(file, "w", closefd=False), before.encoding, before.errors, write_through=True
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _work(process: Process) -> int:
    """Run the module as `python -m` does, which would read it a second time; gives the exit status."""
    assert process.module is not None
    name, *arguments = process.module
    sys.argv[:] = [name, *arguments]
    try:
        module = importlib.import_module(name)
        sys.modules["__main__"] = module
        sys.argv[0] = str(module.__file__)
        found = module.main()
    except SystemExit as end:
        found = end.code
    if found is None or isinstance(found, int):
        return (found or 0) & 0xFF
    print(found, file=sys.stderr)
    return 1
