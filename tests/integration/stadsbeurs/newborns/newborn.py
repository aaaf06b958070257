"""What is born in the tests of the nursery: tells what it is in `FOLDER/NAME.json`, and then does what it is asked."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from foundation.identifiers import new_id


def _loop_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _handler(number: signal.Signals) -> str:
    found = signal.getsignal(number)
    return found.name if isinstance(found, signal.Handlers) else getattr(found, "__name__", str(found))


def main() -> None:
    files = {number: os.readlink(f"/proc/self/fd/{number}") for number in _open_files()}
    _, asked, name, folder = sys.argv
    print("on stdout")
    print("on stderr", file=sys.stderr)
    sys.stdout.write("not yet a line, ")
    handlers = {number.name: _handler(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    told = {
        "argv": sys.argv,
        "main": sys.modules["__main__"].__name__,
        "environment": dict(os.environ),
        "in the eyes of C": subprocess.check_output("echo $OF_THE_SUPERVISOR $NAME", shell=True, text=True).strip(),
        "folder": os.getcwd(),
        "files": files,
        "handlers": handlers,
        "blocked": list(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "wakes": signal.set_wakeup_fd(-1),
        "leads its session": os.getsid(0) == os.getpid(),
        "parent": os.getppid(),
        "short name": Path("/proc/self/comm").read_text().strip(),
        "loop runs": _loop_runs(),
        "id": str(new_id()),
        "random": random.random(),
    }
    draft = Path(folder) / f"{name}.new"
    draft.write_text(json.dumps(told))
    draft.rename(Path(folder) / f"{name}.json")
    if asked == "stay":
        asyncio.run(asyncio.sleep(600))
    if asked == "sleep":
        time.sleep(600)
    print("now it is")
    if asked == "fail":
        raise LookupError("nothing of the kind")
    sys.exit(int(asked) if asked.isdigit() else asked)


def _open_files() -> list[int]:
    found = []
    for number in range(256):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return found
