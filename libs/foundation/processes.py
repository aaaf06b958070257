"""What keeps a process from outliving the one that started it."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
SUPERVISED_SETTING = "STADSBEURS_SUPERVISED"


def die_with_parent(how: int = signal.SIGKILL, *, always: bool = False) -> None:
    """Ask the kernel to end this process when its parent ends (Linux; elsewhere nothing happens).

    Crash-only: a process that its supervisor lost is not to go on working beside its successor. Only when a
    supervisor started it (it says so in the environment), so that a service run by hand stays.
    """
    if not sys.platform.startswith("linux") or not (always or os.environ.get(SUPERVISED_SETTING)):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, how, 0, 0, 0)
    if os.getppid() != parent:
        # The parent went between the two lines above.
        os.kill(os.getpid(), how)


def collect_garbage_rarely() -> None:
    """Tell the collector that what was imported stays, and that a chunk of 10,000 rows is no reason to look.

    Next to nothing here is cyclic; looking through everything at each 700 new objects took 5 to 25 % of the
    time of a chunk.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
