"""Children that are forked: each is what it would be if it had been started by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stadsbeurs import nursery
from stadsbeurs.processes import start_mark, wait_until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forks")

HERE = Path(__file__).parent


class House:
    """A supervisor in a process of its own, with a child for each thing asked."""

    def __init__(self, folder: Path, asked: tuple[str, ...]) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-P", str(HERE / "house_of_newborns.py"), str(folder), *asked],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(HERE / "newborns")},
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def told(self, number: int) -> dict[str, Any]:
        file = self.folder / f"newborn-number-{number}.json"
        assert wait_until(file.exists, 10.0), self.log(number)
        found = json.loads(file.read_text())
        assert isinstance(found, dict)
        return found

    def log(self, number: int) -> str:
        return (self.folder / f"newborn-number-{number}.log").read_text()

    def pid(self, number: int) -> int:
        state = json.loads((self.folder / "state.json").read_text())
        return int(state["processes"][f"newborn-number-{number}"]["pid"] or 0)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., House]]:
    houses: list[House] = []

    def begin(*asked: str) -> House:
        houses.append(House(tmp_path, asked))
        assert houses[-1].line() == "said before the birth"
        return houses[-1]

    yield begin
    for house in houses:
        if house.process.poll() is None:
            house.process.terminate()
            house.process.wait(20)
        if house.process.stdout is not None:
            house.process.stdout.close()


def test_a_child_has_its_own_settings_arguments_folder_and_name(start: Callable[..., House], tmp_path: Path) -> None:
    told = start("stay").told(1)
    assert told["argv"][1:] == ["stay", "newborn-number-1", str(tmp_path)]
    assert Path(told["argv"][0]).name == "newborn.py"
    assert told["main"] == "newborn"
    assert told["environment"].keys() == {"PATH", "NAME"}
    assert told["in the eyes of C"] == "newborn-number-1"
    assert told["folder"] == str(tmp_path)
    assert told["short name"] == "newborn-numbe-1"


def test_a_child_has_nothing_of_its_supervisor(start: Callable[..., House], tmp_path: Path) -> None:
    house = start("stay")
    told = house.told(1)
    log = str(tmp_path / "newborn-number-1.log")
    assert told["files"] == {"0": "/dev/null", "1": log, "2": log}
    assert told["handlers"] == {"SIGINT": "default_int_handler", "SIGTERM": "SIG_DFL", "SIGHUP": "SIG_DFL"}
    assert (told["blocked"], told["wakes"], told["loop runs"]) == ([], -1, False)
    assert told["leads its session"]
    assert told["parent"] == house.process.pid
    assert house.log(1) == "on stdout\non stderr\nnot yet a line, "


def test_no_two_children_make_the_same_ids(start: Callable[..., House]) -> None:
    house = start(*["stay"] * 4)
    told = [house.told(number) for number in (1, 2, 3, 4)]
    # The last half of an id is random; what comes before is the time.
    assert len({one["id"][-12:] for one in told}) == 4
    assert len({one["random"] for one in told}) == 4


def test_a_child_is_gone_within_two_seconds_after_its_supervisor_was_killed(start: Callable[..., House]) -> None:
    house = start("stay", "sleep")
    assert house.line() == "ready"
    pids = [house.pid(number) for number in (1, 2) if house.told(number)]
    house.process.kill()
    house.process.wait()
    assert wait_until(lambda: not any(start_mark(pid) for pid in pids), 2.0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_ends_the_child_alone_and_another_is_born(
    start: Callable[..., House], number: signal.Signals, tmp_path: Path
) -> None:
    house = start("stay", "sleep")
    assert house.line() == "ready"
    assert house.told(1)["parent"] == house.told(2)["parent"] == house.process.pid
    (tmp_path / "newborn-number-1.json").unlink()
    before, other = house.pid(1), house.pid(2)
    os.kill(before, number)
    assert house.line() == f"newborn-number-1 was killed by signal {int(number)}; it starts again in 0.2 s."
    assert house.told(1)["parent"] == house.process.pid
    assert house.pid(1) != before
    assert house.pid(2) == other and psutil.pid_exists(other)


def test_the_house_stops_and_only_the_supervisor_takes_its_own_way_out(
    start: Callable[..., House], tmp_path: Path
) -> None:
    house = start("stay", "0")
    assert house.line() == "ready"
    house.told(1)
    house.process.send_signal(signal.SIGINT)
    assert house.line() == "the supervisor leaves"
    assert house.line() == ""
    assert house.process.wait(10) == 0
    assert (tmp_path / "ends").read_text() == "supervisor\n"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("2", "stopped with exit status 2 during the start: not yet a line, now it is (see "),
        ("No such setting.", "stopped with exit status 1 during the start: No such setting. (see "),
        ("fail", "stopped with exit status 1 during the start: LookupError: nothing of the kind (see "),
    ],
)
def test_how_a_child_ends_is_told_as_that_of_any_other(
    start: Callable[..., House], tmp_path: Path, asked: str, sentence: str
) -> None:
    house = start(asked)
    assert house.line().startswith(f"newborn-number-1 {sentence}")
    assert house.line() == "the supervisor leaves"
    assert house.process.wait(10) == 1
    assert (tmp_path / "ends").read_text() == "supervisor\n"
    # What is above a child on the stack is its parent's, and none of anybody's business.
    assert "supervisor.py" not in house.log(1)


WHAT_READING_DOES = """
import gc, json, os, sys
from stadsbeurs.nursery import COMMON, Nursery
def files(): return sorted(os.readlink(f"/proc/self/fd/{n}") for n in range(64) if os.path.exists(f"/proc/self/fd/{n}"))
before, count = files(), 0
nursery = Nursery()
while nursery.read_one(): count += 1
print(json.dumps({
    "read": count == len(COMMON) and not set(COMMON) - sys.modules.keys(),
    "ready": nursery.is_ready, "threads": len(os.listdir("/proc/self/task")), "opened": files() != before,
    "packages": sorted({name.partition(".")[0] for name in sys.modules}), "frozen": gc.get_freeze_count() > 100_000,
    "loggers": len(__import__("logging").getLogger().handlers),
}))
"""


def test_reading_beforehand_reads_everything_and_does_nothing_else() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STADSBEURS_")}
    answer = subprocess.run(
        [sys.executable, "-P", "-c", WHAT_READING_DOES], capture_output=True, text=True, check=True, env=environment
    )
    told = json.loads(answer.stdout)
    assert not {"wallet", "burgerbudget", "sociaal_krediet", "belkosten", "gateway"} & set(told.pop("packages"))
    assert told == {"read": True, "ready": True, "threads": 1, "opened": False, "frozen": True, "loggers": 0}


def test_what_cannot_be_read_is_left_to_the_process_that_needs_it() -> None:
    code = (
        "from stadsbeurs.nursery import Nursery; n = Nursery(('no.such', 'json'));"
        "print(n.is_ready, n.read_one(), n.is_ready, n.read_one())"
    )
    answer = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False True True False\n"


def test_a_file_beside_the_command_does_not_stand_in_for_a_package(tmp_path: Path) -> None:
    (tmp_path / "schwifty.py").write_text("print('wrong')")
    (tmp_path / "run.py").write_text(
        "from stadsbeurs.nursery import Nursery\nn = Nursery(['schwifty'])\nn.read_one()\n"
    )
    answer = subprocess.run([sys.executable, str(tmp_path / "run.py")], capture_output=True, text=True, check=True)
    assert answer.stdout == ""


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("gateway", "gateway"),
        ("stripe-stand-in", "stripe-stand-in"),
        ("sociaal-krediet-api", "sociaal-kre-api"),
        ("sociaal-krediet-worker", "sociaal-worker"),
        ("burgerbudget-outbox", "burgerbu-outbox"),
    ],
)
def test_a_short_name_keeps_the_word_that_tells_it_apart(name: str, short: str) -> None:
    assert nursery.short(name) == short
    assert len(short) <= nursery.NAME_LIMIT
