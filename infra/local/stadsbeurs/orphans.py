"""What an earlier supervisor left running when it was killed, known by number and time of start."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from stadsbeurs.processes import start_mark, wait_until

POLITE_S = 2.0


def living(state: Mapping[str, Any]) -> dict[str, int]:
    """The processes in `state` that still run, by name; a number that another process has now does not count."""
    found = {}
    for name, row in state.get("processes", {}).items():
        pid, mark = row.get("pid"), row.get("mark")
        if isinstance(pid, int) and mark and start_mark(pid) == mark:
            found[name] = pid
    return found


def end(state: Mapping[str, Any]) -> list[str]:
    """End them and return their names. PostgreSQL is left to its own launcher, which stops it without harm."""
    left = {name: pid for name, pid in living(state).items() if name != "postgres"}
    for request in (signal.SIGTERM, signal.SIGKILL):
        for pid in left.values():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, request)
        if wait_until(lambda: not living(state).keys() - {"postgres"}, POLITE_S):
            break
    return sorted(left)
