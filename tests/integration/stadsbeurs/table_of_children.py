"""A house of trivial processes under the real supervisor: `python table_of_children.py FOLDER KIND PORT…`."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from stadsbeurs.mistakes import Mistake
from stadsbeurs.probes import http_probe
from stadsbeurs.processes import Process
from stadsbeurs.supervisor import Supervisor

SERVE = """
import http.server, os, signal, subprocess, sys, time
name, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if os.path.exists(f"{folder}/{name}.unready") else 200)
        self.end_headers()
    def log_message(self, *_):
        pass
def leave(*_):
    with open(f"{folder}/stops", "a") as file:
        file.write(f"{name} {time.monotonic()}\\n")
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
if "parent" in name:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", folder])
http.server.ThreadingHTTPServer(("127.0.0.1", port), Page).serve_forever()
"""


def serving(name: str, port: int, folder: Path, *needs: str) -> Process:
    argv = (sys.executable, "-c", SERVE, name, str(port), str(folder))
    return Process(name, argv, dict(os.environ), needs=needs, probe=http_probe(port))


def step(name: str, code: str, *needs: str) -> Process:
    return Process(name, (sys.executable, "-c", code), dict(os.environ), needs=needs, runs_once=True)


def table(kind: str, folder: Path, ports: list[int]) -> list[Process]:
    if kind == "three":
        return [
            serving("database", ports[0], folder),
            step("migration", "pass", "database"),
            serving("api", ports[1], folder, "migration"),
            serving("parent-worker", ports[2], folder, "migration"),
        ]
    if kind == "stubborn":
        stubborn = serving("stubborn", ports[0], folder)
        deaf = SERVE.replace("SIGTERM, leave", "SIGTERM, signal.SIG_IGN")
        return [replace(stubborn, argv=(*stubborn.argv[:2], deaf, *stubborn.argv[3:]), stops_within_s=0.5)]
    if kind == "dying":
        fails = "import sys; print('Setting STADSBEURS_X is not set.', file=sys.stderr); sys.exit(2)"
        return [
            serving("database", ports[0], folder),
            Process("api", (sys.executable, "-c", fails), dict(os.environ)),
        ]
    assert kind == "failing-step"
    return [
        serving("database", ports[0], folder),
        step("migration", "raise SystemExit('no such table')", "database"),
    ]


def main() -> int:
    folder = Path(sys.argv[1])

    def record(state: dict[str, Any]) -> None:
        draft = folder / "state.new"
        draft.write_text(json.dumps(state))
        draft.replace(folder / "state.json")

    house = Supervisor(
        table(sys.argv[2], folder, [int(port) for port in sys.argv[3:]]),
        logs=folder,
        announce=lambda sentence: print(sentence, flush=True),
        record=record,
        on_ready=lambda: print("ready", flush=True),
    )
    try:
        house.run()
    except Mistake as mistake:
        print(mistake, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    raise SystemExit(main())
