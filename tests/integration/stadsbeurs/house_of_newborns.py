"""A supervisor that forks its children: `python -P house_of_newborns.py FOLDER ASKED…`, one child for each thing asked."""

from __future__ import annotations

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

from stadsbeurs.mistakes import Mistake
from stadsbeurs.nursery import Nursery
from stadsbeurs.processes import PYTHON, Process
from stadsbeurs.supervisor import Supervisor


def newborn(name: str, asked: str, folder: Path) -> Process:
    kept = {"PATH": os.environ["PATH"], "NAME": name}
    argv = (*PYTHON, "newborn", asked, name, str(folder))
    return Process(name, argv, kept, folder=folder, runs_once=asked not in ("stay", "sleep"))


def main() -> int:
    folder = Path(sys.argv[1])
    os.environ["OF_THE_SUPERVISOR"] = "1"
    os.set_inheritable(os.open(folder / "lock", os.O_RDWR | os.O_CREAT), True)
    parent = os.getpid()
    atexit.register(lambda: (folder / "ends").open("a").write("supervisor\n" if os.getpid() == parent else "child\n"))
    sys.stdout.write("said before the birth\n")

    def record(state: dict[str, Any]) -> None:
        draft = folder / "state.new"
        draft.write_text(json.dumps(state))
        draft.replace(folder / "state.json")

    house = Supervisor(
        [newborn(f"newborn-number-{number}", asked, folder) for number, asked in enumerate(sys.argv[2:], 1)],
        logs=folder,
        announce=lambda sentence: print(sentence, flush=True),
        record=record,
        on_ready=lambda: print("ready", flush=True),
        nursery=Nursery(("foundation.identifiers",)),
    )
    try:
        house.run()
    except Mistake as mistake:
        print(mistake, flush=True)
        return 1
    finally:
        print("the supervisor leaves", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
