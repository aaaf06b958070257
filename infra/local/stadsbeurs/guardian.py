"""Ends what a killed supervisor left running: it waits for the pipe to its supervisor to close.

The kernel tells direct children on Linux, at once; this is the second line of defence, and the only one elsewhere. It
knows no more than process numbers, so it can be run as a file with nothing imported that could fail.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress

QUIT_AFTER_S = 0.8
KILL_AFTER_S = 1.3


def watch() -> dict[int, int]:
    """Read `+PID SIGNAL` and `-PID` until the supervisor is gone; what is left then, with the signal each gets."""
    living: dict[int, int] = {}
    for line in sys.stdin:
        words = line.split()
        if words[0] == "bye":
            return {}
        if words[0].startswith("+"):
            living[int(words[0][1:])] = int(words[1])
        else:
            living.pop(int(words[0][1:]), None)
    return living


def end(living: dict[int, int]) -> None:
    """First the polite signal of each, then SIGQUIT (PostgreSQL stops without a checkpoint), then SIGKILL."""
    began = time.monotonic()
    for pid, polite in living.items():
        _send(pid, polite)
    for after_s, harder in ((QUIT_AFTER_S, signal.SIGQUIT), (KILL_AFTER_S, signal.SIGKILL)):
        while any(_is_there(pid) for pid in living) and time.monotonic() - began < after_s:
            time.sleep(0.02)
        for pid in living:
            _send(pid, harder)


def _send(leader: int, number: int) -> None:
    """To the process, and where it is the end to all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGKILL:
            os.killpg(leader, number)
        else:
            os.kill(leader, number)


def _is_there(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end(watch())
