"""Free ports for the processes that nobody outside needs to know."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping

from stadsbeurs.mistakes import Mistake

# Below the kernel's range for outgoing connections (32768 and up on Linux): while a process is being restarted, an
# outgoing connection could otherwise take its port, or a probe could even connect to itself.
CHOICE = range(15000, 30000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)  # on Linux a second listener is refused here, not at bind
        except OSError:
            return False
    return True


def pick(taken: Collection[int] = ()) -> int:
    """A port that is free now and not in `taken`."""
    for port in random.sample(CHOICE, 1000):
        if port not in taken and is_free(port):
            return port
    raise Mistake(f"No free port was found between {CHOICE.start} and {CHOICE.stop}.")


def choose(names: Collection[str], known: Mapping[str, int], never: Collection[int] = ()) -> dict[str, int]:
    """A port for each of `names`: the one of last time when it is still free, else a new one; none of `never`."""
    chosen: dict[str, int] = {}
    for name in names:
        before = known.get(name)
        taken = {*chosen.values(), *never}
        if before is not None and before not in taken and is_free(before):
            chosen[name] = before
        else:
            chosen[name] = pick({*taken, *known.values()})
    return chosen


def require_free(port: int) -> None:
    """Raise `Mistake` unless the gateway can listen on `port`."""
    if not 1 <= port <= 65535:
        raise Mistake(f"Port {port} does not exist; choose one from 1 to 65535 with --port.")
    if not is_free(port):
        raise Mistake(f"Port {port} is already in use; stop the program that uses it or choose another with --port.")
