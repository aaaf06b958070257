"""The supervisor, with a house of trivial processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stadsbeurs import ports, supervisor
from stadsbeurs.probes import http_probe, is_ready
from stadsbeurs.processes import wait_until

SCRIPT = Path(__file__).with_name("table_of_children.py")


class House:
    """A supervisor in a process of its own."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder = folder
        self.ports: list[int] = []
        for _ in range(3):
            self.ports.append(ports.pick(self.ports))
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder), kind, *map(str, self.ports)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def state(self) -> dict[str, Any]:
        found = json.loads((self.folder / "state.json").read_text())
        assert isinstance(found, dict)
        return found

    def pid(self, name: str) -> int:
        return int(self.state()["processes"][name]["pid"])

    def living(self) -> list[str]:
        """Every process that has this house's folder among its arguments, the supervisor too."""
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            arguments = process.info["cmdline"] or []
            if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(self.folder) in a for a in arguments):
                found.append(" ".join(arguments)[-60:])
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    houses: list[House] = []

    def begin(kind: str) -> House:
        houses.append(House(tmp_path, kind))
        return houses[-1]

    yield begin
    for house in houses:
        if house.process.poll() is None:
            house.process.send_signal(signal.SIGTERM)
            house.process.wait(20)
        if house.process.stdout is not None:
            house.process.stdout.close()
        assert wait_until(lambda house=house: not house.living(), 5.0)  # type: ignore[misc]


def test_the_house_is_ready_when_every_step_is_done_and_every_process_answers(
    start: Callable[[str], House],
) -> None:
    house = start("three")
    assert house.line() == "ready"
    assert {name: row["phase"] for name, row in house.state()["processes"].items()} == {
        "database": "ready",
        "migration": "done",
        "api": "ready",
        "parent-worker": "ready",
    }
    assert house.state()["phase"] == "ready"


@pytest.mark.parametrize("request_to_stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_on_request_all_stop_and_the_database_last(
    start: Callable[[str], House], request_to_stop: signal.Signals
) -> None:
    house = start("three")
    house.line()
    house.process.send_signal(request_to_stop)
    assert house.process.wait(10) == 0
    assert house.living() == []
    stops = [line.split()[0] for line in (house.folder / "stops").read_text().splitlines()]
    assert sorted(stops[:2]) == ["api", "parent-worker"]
    assert stops[2:] == ["database"]
    assert house.state()["phase"] == "stopped"


def test_nothing_is_left_two_seconds_after_the_supervisor_was_killed(start: Callable[[str], House]) -> None:
    house = start("three")
    house.line()
    assert len(house.living()) == 5  # the supervisor, three processes and the child of one of them
    house.process.kill()
    house.process.wait()
    assert wait_until(lambda: not house.living(), 2.0), house.living()


def test_a_killed_process_is_started_again_and_what_it_started_is_gone(start: Callable[[str], House]) -> None:
    house = start("three")
    house.line()
    before = house.pid("parent-worker")
    children = psutil.Process(before).children()
    killed_at = time.monotonic()
    os.kill(before, signal.SIGKILL)
    assert house.line() == "parent-worker was killed by signal 9; it starts again in 0.2 s."
    assert house.line() == "parent-worker is ready again."
    assert time.monotonic() - killed_at < 5
    assert house.pid("parent-worker") != before
    assert house.state()["processes"]["parent-worker"]["restarts"] == 1
    assert len(children) == 1
    assert not children[0].is_running() or children[0].status() == psutil.STATUS_ZOMBIE


def test_a_process_waits_for_what_it_needs_before_it_starts_again(start: Callable[[str], House]) -> None:
    house = start("three")
    house.line()
    (house.folder / "database.unready").touch()
    assert wait_until(lambda: house.state()["processes"]["database"]["phase"] == "unready", 5.0)
    api = house.pid("api")
    os.kill(api, signal.SIGKILL)
    assert house.line().startswith("api was killed")
    # Its only need is the step that was done; the database itself is not asked for again.
    assert house.line() == "api is ready again."


def test_a_process_that_stays_unready_is_killed_and_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.py").write_text(
        "import sys; from stadsbeurs import supervisor; supervisor.PATIENCE_S = 1.5\n"
        f"sys.path.insert(0, {str(SCRIPT.parent)!r}); import table_of_children; sys.exit(table_of_children.main())\n"
    )
    chosen = [str(ports.pick()) for _ in range(3)]
    child = subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), str(tmp_path), "three", *chosen],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        (tmp_path / "api.unready").touch()
        assert child.stdout.readline() == "api was not ready for 2 s; it is killed and starts again.\n"
        (tmp_path / "api.unready").unlink()
        assert child.stdout.readline().startswith("api was killed by signal 9")
        assert child.stdout.readline() == "api is ready again.\n"
        assert is_ready(http_probe(int(chosen[1])))
    finally:
        child.terminate()
        child.wait(10)
        child.stdout.close()


def test_a_process_that_does_not_listen_to_a_request_is_killed(start: Callable[[str], House]) -> None:
    house = start("stubborn")
    assert house.line() == "ready"
    began = time.monotonic()
    house.process.terminate()
    assert house.process.wait(5) == 0
    assert 0.4 < time.monotonic() - began < 3
    assert house.living() == []


def test_wrong_settings_end_the_start_at_once_with_their_own_sentence(start: Callable[[str], House]) -> None:
    house = start("dying")
    lines = [house.line(), house.line()]
    sentence = next(line for line in lines if line != "ready")
    assert sentence.startswith("api stopped with exit status 2 during the start: Setting STADSBEURS_X is not set.")
    assert house.process.wait(10) == 1
    assert house.living() == []


def test_a_step_that_fails_ends_the_start_and_stops_what_ran(start: Callable[[str], House]) -> None:
    house = start("failing-step")
    assert house.line().startswith("migration stopped with exit status 1 during the start: no such table (see ")
    assert house.process.wait(10) == 1
    assert house.living() == []


def test_the_delay_doubles_from_a_fifth_of_a_second_to_five() -> None:
    from stadsbeurs.processes import Process

    resident = supervisor.Resident(Process("api", (), {}))
    delays = []
    for deaths in range(1, 8):
        resident.deaths_in_a_row = deaths
        delays.append(resident.delay_s)
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
