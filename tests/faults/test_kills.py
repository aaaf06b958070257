"""The main job while its processes are killed: every figure still comes out, nothing twice, nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
import redis

from stadsbeurs import house as house_table
from stadsbeurs.people import People
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story
from tests.support.house import House, a_house

VICTIMS = (
    "burgerbudget-outbox",
    "wallet-api",
    "burgerbudget-jobs",
    "postgres",
    "burgerbudget-api",
    "valkey",
    "wallet-worker",
    "gateway",
)


BETWEEN_KILLS_S = 1.5


@pytest.mark.timeout(600)
def test_kills_in_the_middle_of_two_quarters_change_no_figure(capfd: pytest.CaptureFixture[str]) -> None:
    with a_house("--empty", "--today", "2026-06-25") as house:
        story = Story(4)
        with People(f"http://127.0.0.1:{house.port}", house.installation.keys) as people:
            municipality = Municipality(story, people, house.installation)
            municipality.enrol()
            kills = 0
            for quarter in municipality.sample.quarters:
                kills += kill_during(house, partial(municipality.work_through, quarter))
            municipality.compare()
        story.require_all_ok()
        verified = house.command("verify")
        assert verified.returncode == 0, verified.stdout
    with capfd.disabled():
        print(f"\n{kills} processes killed, every figure as expected")
    assert kills >= len(VICTIMS)


def kill_during(house: House, act: Callable[[], None]) -> int:
    """Run `act` while one process after the other is killed, each once; gives how many were."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as failure:
            failures.append(failure)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    kills = 0
    for victim in VICTIMS:
        worker.join(BETWEEN_KILLS_S)
        pid = house.processes().get(victim)
        if pid is None or not worker.is_alive():
            continue
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            kills += 1
        if victim == "valkey":
            flush(house)
    worker.join()
    if failures:
        raise failures[0]
    return kills


def flush(house: House) -> None:
    """Empty Valkey too, once it is back: whatever it held was only a bell."""
    plan = house_table.Plan.of(house.installation.plan())
    for _ in range(100):
        try:
            redis.Redis.from_url(plan.redis_url).flushall()
        except redis.RedisError:
            time.sleep(0.1)
        else:
            return
